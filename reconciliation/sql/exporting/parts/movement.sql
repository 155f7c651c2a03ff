-- What operations moved into (positive) or out of the account at the gateway, or the till: one row for what the entries
-- of one posting moved for one operation, as reconciliation matches it. Its first entry names it.
movement AS MATERIALIZED (
    SELECT min(e.id) AS id, e.posting_id, e.transaction_id, e.payment_id, e.order_id, e.partner_id, e.account, e.gateway,
           e.currency, e.event_id, e.occurred_at, e.posted_at, e.counts_at,
           sum(way.sign * e.amount_minor)::bigint AS amount_minor,
           sum(way.sign * e.amount_minor * (way.counterpart = 'SURCHARGE')::int)::bigint AS surcharge_minor,
           sum(way.sign * e.amount_minor * (way.counterpart = 'DONATION')::int)::bigint AS donation_minor
      FROM entry e
      JOIN payments_transaction t ON t.id = e.transaction_id AND t.kind = ANY(%(kinds)s::text[])
     CROSS JOIN LATERAL (
        SELECT CASE WHEN e.to_account IN ('CLEARING', 'EXTERNAL') THEN 1 ELSE -1 END AS sign,
               CASE WHEN e.to_account IN ('CLEARING', 'EXTERNAL') THEN e.from_account ELSE e.to_account END
                   AS counterpart
     ) AS way
     WHERE (%(since)s::timestamptz IS NULL OR e.counts_at >= %(since)s)
       AND (%(until)s::timestamptz IS NULL OR e.counts_at < %(until)s)
       AND (e.from_account IN ('CLEARING', 'EXTERNAL') OR e.to_account IN ('CLEARING', 'EXTERNAL'))
     GROUP BY e.posting_id, e.transaction_id, e.payment_id, e.order_id, e.partner_id, e.account, e.gateway, e.currency,
              e.event_id, e.occurred_at, e.posted_at, e.counts_at
)
