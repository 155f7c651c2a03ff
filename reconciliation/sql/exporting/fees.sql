-- What each settled line cost, and what the contract in force on its day would have it cost: a percentage of gross, and
-- a fixed amount, rounded half up to minor units of the currency that is settled in.
WITH
-- include: exporting/parts/matched
,
-- include: exporting/parts/file
,
told AS NOT MATERIALIZED (
    SELECT l.*, file.open_from, file.file_name, file.source_id
      FROM reconciliation_settlementline l
      JOIN file ON file.id = l.report_id
     WHERE (%(since)s::timestamptz IS NULL OR l.settled_at >= %(since)s)
       AND (%(until)s::timestamptz IS NULL OR (l.settled_at < %(until)s AND coalesce(file.open_from < %(until)s, true)))
     UNION ALL
    -- What was settled before, and told after that was closed.
    SELECT l.*, file.open_from, file.file_name, file.source_id
      FROM file
      JOIN reconciliation_settlementline l ON l.report_id = file.id
     WHERE l.settled_at < %(since)s
       AND file.open_from >= %(since)s
       AND (%(until)s::timestamptz IS NULL OR file.open_from < %(until)s)
), line AS MATERIALIZED (
    SELECT l.*, greatest(l.settled_at, l.open_from) AS counts_at, m.lead_id,
           CASE WHEN back.line_id IS NULL THEN 1 ELSE -1 END AS way
      FROM told l
      LEFT JOIN matched m ON m.line_id = l.id
      LEFT JOIN reconciliation_supersededline back ON back.taken_back_by_id = l.id
     WHERE l.kind NOT IN ('PAYOUT', 'PAYOUT_RETURNED', 'RESERVE', 'BALANCE_TRANSFER', 'BANK')
       AND (%(currency)s::text IS NULL OR l.net_currency = %(currency)s)
), first_taken AS (
    SELECT match_id, min(entry_id) AS entry_id
      FROM taken
     WHERE match_id IN (SELECT lead_id FROM line)
     GROUP BY match_id
     UNION ALL
    -- A line that was taken back, and what takes it back, are of the operation that it was matched with.
    SELECT m.id, s.entry_id
      FROM reconciliation_supersededline s
      JOIN reconciliation_match m ON m.line_id = s.line_id AND m.rule = 'SUPERSEDED'
)
SELECT a.gateway, a.slug AS account, b.reference AS batch, l.file_name AS file, l.line_number AS line, l.kind,
       l.vendor_type, coalesce(nullif(l.gateway_reference, ''), l.payment_reference) AS gateway_reference,
       p.reference AS payment, t.reference AS operation, coalesce(t.card_brand, '') AS card_brand, l.occurred_at,
       l.settled_at, l.counts_at, l.gross_currency, l.gross_minor, l.gross_minor AS gross, l.exchange_rate,
       l.net_currency AS currency, l.net_minor + l.fee_minor AS settled_minor, l.fee_minor, l.fee_minor AS fee,
       l.stated_fee, expected.minor AS expected_minor, expected.minor AS expected,
       l.fee_minor - expected.minor AS difference_minor,
       c.percent AS contract_percent, c.fixed_minor AS contract_fixed_minor, c.id AS contract, l.id AS item
  FROM line l
  JOIN reconciliation_settlementsource s ON s.id = l.source_id
  JOIN gateways_gatewayaccount a ON a.id = s.account_id
  JOIN reconciliation_settlementbatch b ON b.id = l.batch_id
  LEFT JOIN first_taken ON first_taken.match_id = l.lead_id
  LEFT JOIN payments_ledgerentry e ON e.id = first_taken.entry_id
  LEFT JOIN payments_payment p ON p.id = e.payment_id
  LEFT JOIN payments_transaction t ON t.id = e.transaction_id
  LEFT JOIN LATERAL (
    SELECT c.id, c.percent, c.fixed_minor
      FROM reconciliation_feecontract c
     WHERE c.account_id = a.id
       AND c.kind = l.kind
       AND c.currency = l.net_currency
       AND c.card_brand IN ('', lower(t.card_brand))
       AND c.recorded_at <= %(as_of)s
       AND (l.settled_at AT TIME ZONE %(zone)s)::date BETWEEN c.valid_from AND coalesce(c.valid_through, 'infinity')
     ORDER BY c.card_brand <> '' DESC, c.recorded_at DESC, c.id DESC
     LIMIT 1
  ) AS c ON true
 CROSS JOIN LATERAL (
    SELECT l.way * (round(abs(l.net_minor + l.fee_minor) * c.percent / 100) + c.fixed_minor)::bigint AS minor
  ) AS expected
 WHERE (l.fee_minor <> 0 OR l.kind = 'CAPTURE' OR expected.minor <> 0)
   AND (a.environment = 'live') = %(is_live)s
   AND (%(account)s::bigint IS NULL OR a.id = %(account)s)
   AND (%(partner)s::uuid IS NULL OR e.partner_id = %(partner)s)
