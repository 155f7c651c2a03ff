-- Ledger entries as they stood at the watermark, of one mode: real money is what a live order moves through an account
-- at a processor's live system, and everything else is a test. What a closing counted is there whatever its clock says.
entry AS NOT MATERIALIZED (
    SELECT e.id, e.posting_id, e.from_account, e.to_account, e.amount_minor, e.currency, e.gateway_account_id,
           e.order_id, e.payment_id, e.transaction_id, e.gift_id, e.customer_id, e.partner_id,
           s.event_id, s.cause, s.occurred_at, s.posted_at, s.counts_at, a.slug AS account, a.gateway
      FROM payments_posting s
      JOIN payments_ledgerentry e ON e.posting_id = s.id
      LEFT JOIN gateways_gatewayaccount a ON a.id = e.gateway_account_id
     WHERE CASE WHEN %(is_live)s THEN e.is_live AND coalesce(a.environment = 'live', true)
                ELSE NOT e.is_live OR a.environment <> 'live' END
       AND (s.posted_at <= %(as_of)s
            OR e.id <= (SELECT coalesce(max(watermark), 0) FROM payments_closedperiod WHERE closed_at <= %(as_of)s))
       AND (%(account)s::bigint IS NULL OR e.gateway_account_id = %(account)s)
       AND (%(currency)s::text IS NULL OR e.currency = %(currency)s)
       AND (%(partner)s::uuid IS NULL OR e.partner_id = %(partner)s)
)
