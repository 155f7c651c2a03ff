-- What was written about money that was taken elsewhere, note by note; a correction names the note it corrects.
SELECT n.id AS note, n.written_at, n.written_by, p.reference AS payment, t.reference AS operation, t.kind,
       o.reference AS "order", r.slug AS partner, a.slug AS account, p.source, t.currency, t.amount_minor,
       t.amount_minor AS amount, n.text, n.evidence, n.amends_id AS amends, later.id AS amended_by,
       n.redacted_at <= %(as_of)s AS is_redacted
  FROM payments_externalnote n
  JOIN payments_payment p ON p.id = n.payment_id
  JOIN bookings_order o ON o.id = p.order_id
  JOIN bookings_partner r ON r.id = p.partner_id
  JOIN gateways_gatewayaccount a ON a.id = p.account_id
  LEFT JOIN payments_transaction t ON t.id = n.transaction_id
  LEFT JOIN payments_externalnote later ON later.amends_id = n.id AND later.written_at <= %(as_of)s
 WHERE n.written_at <= %(as_of)s
   AND (p.is_live AND a.environment = 'live') = %(is_live)s
   AND (%(since)s::timestamptz IS NULL OR n.written_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR n.written_at < %(until)s)
   AND (%(account)s::bigint IS NULL OR a.id = %(account)s)
   AND (%(currency)s::text IS NULL OR t.currency = %(currency)s)
   AND (%(partner)s::uuid IS NULL OR p.partner_id = %(partner)s)
