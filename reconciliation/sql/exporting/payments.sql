-- What came in by sales and captures: one row for each movement, which is what the entries of one posting moved into or
-- out of the gateway's account (CLEARING; EXTERNAL for tills) for one operation. Later corrections are rows of their own.
SELECT operation.reference AS operation, operation.kind AS operation_kind, payment.reference AS payment,
       sold.reference AS "order", account.slug AS account, coalesce(operation.gateway_reference, '') AS gateway_reference,
       service.local_date AS service_date, posting.occurred_at AS paid_at, settled.settled_at,
       moved.currency, moved.amount_minor, moved.amount_minor AS amount, moved.surcharge_minor, moved.donation_minor,
       moved.entry_id AS movement
  FROM (
    SELECT entry.posting_id, entry.transaction_id, entry.gateway_account_id, entry.currency, min(entry.id) AS entry_id,
           sum(side.sign * entry.amount_minor)::bigint AS amount_minor,
           coalesce(sum(side.sign * entry.amount_minor) FILTER (WHERE side.counterpart = 'SURCHARGE'), 0)::bigint
               AS surcharge_minor,
           coalesce(sum(side.sign * entry.amount_minor) FILTER (WHERE side.counterpart = 'DONATION'), 0)::bigint
               AS donation_minor
      FROM payments_ledgerentry entry
      CROSS JOIN LATERAL (
        SELECT CASE WHEN entry.to_account IN ('CLEARING', 'EXTERNAL') THEN 1 ELSE -1 END AS sign,
               CASE WHEN entry.to_account IN ('CLEARING', 'EXTERNAL') THEN entry.from_account
                    ELSE entry.to_account END AS counterpart
      ) side
     WHERE entry.is_live = %(is_live)s
       AND entry.transaction_id IS NOT NULL
       AND (entry.to_account IN ('CLEARING', 'EXTERNAL') OR entry.from_account IN ('CLEARING', 'EXTERNAL'))
       AND (%(account)s::bigint IS NULL OR entry.gateway_account_id = %(account)s)
       AND (%(currency)s::text IS NULL OR entry.currency = %(currency)s)
       AND (%(partner)s::uuid IS NULL OR entry.partner_id = %(partner)s)
     GROUP BY entry.posting_id, entry.transaction_id, entry.gateway_account_id, entry.currency
  ) moved
  JOIN payments_posting posting ON posting.id = moved.posting_id
  JOIN payments_transaction operation ON operation.id = moved.transaction_id
  JOIN payments_payment payment ON payment.id = operation.payment_id
  JOIN bookings_order sold ON sold.id = operation.order_id
  JOIN gateways_gatewayaccount account ON account.id = moved.gateway_account_id
  LEFT JOIN LATERAL (
    SELECT min(departure.local_date) AS local_date
      FROM bookings_booking booking
      JOIN bookings_availability departure ON departure.id = booking.availability_id
     WHERE booking.order_id = sold.id
  ) service ON true
  LEFT JOIN LATERAL (
    SELECT max(line.settled_at) AS settled_at
      FROM reconciliation_ledgerconsumed consumed
      JOIN reconciliation_match matched ON matched.id = consumed.match_id AND matched.matched_at <= %(as_of)s
      JOIN reconciliation_settlementline line ON line.id = matched.line_id
     WHERE consumed.entry_id = moved.entry_id
  ) settled ON true
 WHERE operation.kind IN ('SALE', 'CAPTURE')
   AND posting.posted_at <= %(as_of)s
   AND (%(since)s::timestamptz IS NULL OR posting.occurred_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR posting.occurred_at < %(until)s)
