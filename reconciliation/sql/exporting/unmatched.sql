-- What CLEARING holds at the watermark, and why; for tills that are settled from outside, EXTERNAL. The rows of an
-- account and currency add up to the balance of the ledger, whatever was imported, matched or undone:
--   what moved and is in no match, each match's movements less its lines, less the lines in no match,
--   each batch's postings and the lines that they stand for, and what was posted for none of these.
-- What was written off in full is left out together with its write-off: the two come to nothing.
WITH
-- include: exporting/parts/entry
,
-- include: exporting/parts/matched
,
money AS MATERIALIZED (
    SELECT e.id, e.posting_id, e.transaction_id, e.payment_id, e.order_id, e.partner_id, e.gateway_account_id,
           e.account, e.currency, e.cause, e.counts_at, holding.place,
           CASE WHEN e.to_account = holding.place THEN e.amount_minor ELSE -e.amount_minor END AS minor
      FROM entry e
     CROSS JOIN LATERAL (
        SELECT CASE WHEN 'CLEARING' IN (e.from_account, e.to_account) THEN 'CLEARING' ELSE 'EXTERNAL' END AS place
     ) AS holding
     -- Spelled out, so that it is seen to be nearly every entry.
     WHERE e.from_account = 'CLEARING' OR e.to_account = 'CLEARING'
        OR ((e.from_account = 'EXTERNAL' OR e.to_account = 'EXTERNAL')
            AND e.gateway_account_id IN (
                SELECT account_id FROM reconciliation_settlementsource WHERE account_id IS NOT NULL))
), moved AS (
    SELECT min(id) AS id, transaction_id, payment_id, order_id, partner_id, gateway_account_id, account, currency,
           place, counts_at, sum(minor)::bigint AS minor
      FROM money
     WHERE transaction_id IS NOT NULL
     GROUP BY posting_id, transaction_id, payment_id, order_id, partner_id, gateway_account_id, account, currency,
              place, counts_at
), line AS (
    SELECT l.id, l.report_id, l.line_number, l.batch_id, l.gateway_reference, l.gross_currency AS currency,
           l.gross_minor, l.settled_at, a.id AS account_id, a.slug AS account
      FROM reconciliation_settlementline l
      JOIN reconciliation_settlementreport f ON f.id = l.report_id AND f.loaded_at <= %(as_of)s
      JOIN reconciliation_settlementsource s ON s.id = f.source_id
      JOIN gateways_gatewayaccount a ON a.id = s.account_id
     WHERE l.kind NOT IN ('PAYOUT', 'PAYOUT_RETURNED', 'RESERVE', 'BANK')
       AND (a.environment = 'live') = %(is_live)s
       AND (%(account)s::bigint IS NULL OR a.id = %(account)s)
       AND (%(currency)s::text IS NULL OR l.gross_currency = %(currency)s)
), posted AS (
    SELECT p.batch_id, m.account, m.currency, sum(m.minor)::bigint AS minor
      FROM money m
      JOIN reconciliation_batchposting p ON p.posting_id = m.posting_id
     GROUP BY p.batch_id, m.account, m.currency
), found AS (
    SELECT 'NOT_SETTLED' AS status, m.counts_at AS since, m.account, m.currency, m.minor, m.payment_id, m.order_id,
           m.partner_id, m.transaction_id, m.id AS entry_id, NULL::bigint AS line_id, NULL::bigint AS batch_id,
           'entry ' || m.id AS thing
      FROM moved m
     WHERE m.minor <> 0 AND NOT EXISTS (SELECT FROM taken WHERE taken.entry_id = m.id)
     UNION ALL
    SELECT 'SETTLED_OTHERWISE', max(since), max(account), currency, sum(minor)::bigint, NULL, NULL, NULL, NULL, NULL,
           max(line_id), NULL, 'line ' || max(line_id)
      FROM (
        SELECT taken.match_id AS lead_id, m.currency, m.account, m.minor, NULL::bigint AS line_id,
               NULL::timestamptz AS since
          FROM taken JOIN moved m ON m.id = taken.entry_id
         UNION ALL
        SELECT matched.lead_id, line.currency, line.account, -line.gross_minor, line.id, line.settled_at
          FROM matched JOIN line ON line.id = matched.line_id
      ) AS side
     GROUP BY lead_id, currency
    HAVING sum(minor) <> 0
     UNION ALL
    SELECT 'NOT_IN_OUR_BOOKS', line.settled_at, line.account, line.currency, -line.gross_minor, NULL, NULL, NULL, NULL,
           NULL, line.id, NULL, 'line ' || line.id
      FROM line
     WHERE line.gross_minor <> 0 AND NOT EXISTS (SELECT FROM matched WHERE matched.line_id = line.id)
     UNION ALL
    SELECT 'IN_AN_OPEN_BATCH', max(since), max(account), currency, sum(minor)::bigint, NULL, NULL, NULL, NULL, NULL,
           NULL, batch_id, 'batch ' || batch_id
      FROM (
        SELECT batch_id, account, currency, minor, NULL::timestamptz AS since FROM posted
         UNION ALL
        SELECT batch_id, account, currency, gross_minor, settled_at FROM line
      ) AS side
     GROUP BY batch_id, currency
    HAVING sum(minor) <> 0
     UNION ALL
    SELECT 'POSTED_BY_HAND', m.counts_at, m.account, m.currency, m.minor, m.payment_id, m.order_id, m.partner_id, NULL,
           m.id, NULL, NULL,
           coalesce('entry ' || d.entry_id, 'line ' || d.line_id, 'batch ' || d.batch_id, 'entry ' || m.id)
      FROM money m
      LEFT JOIN (
        SELECT posting_id, discrepancy_id FROM reconciliation_proposal
         UNION ALL
        SELECT undo_posting_id, discrepancy_id FROM reconciliation_proposal
      ) AS w ON w.posting_id = m.posting_id
      LEFT JOIN reconciliation_discrepancy d ON d.id = w.discrepancy_id
     WHERE m.transaction_id IS NULL
       AND NOT EXISTS (SELECT FROM reconciliation_batchposting p WHERE p.posting_id = m.posting_id)
), summed AS (
    SELECT found.*, sum(minor) OVER (PARTITION BY thing, account, currency) AS left_over FROM found
), about AS (
    SELECT order_id FROM summed WHERE left_over <> 0 AND order_id IS NOT NULL
),
-- include: exporting/parts/trip
SELECT f.status, age.days AS age_days,
-- include: exporting/parts/age
     , f.since AS happened_at, f.account, f.currency, f.minor AS amount_minor, f.minor AS amount,
       p.reference AS payment, t.reference AS operation, o.reference AS "order", r.slug AS partner,
       coalesce(nullif(l.gateway_reference, ''), t.gateway_reference) AS gateway_reference,
       trip.first_date AS service_date, trip.last_date AS last_service_date,
       coalesce(b.reference, of_line.reference) AS batch, file.file_name AS file, l.line_number AS line,
       coalesce(f.entry_id, f.line_id, f.batch_id) AS item
  FROM summed f
 CROSS JOIN LATERAL (
    SELECT greatest(0, (%(as_of)s::timestamptz AT TIME ZONE %(zone)s)::date - (f.since AT TIME ZONE %(zone)s)::date)
               AS days
 ) AS age
  LEFT JOIN payments_payment p ON p.id = f.payment_id
  LEFT JOIN payments_transaction t ON t.id = f.transaction_id
  LEFT JOIN bookings_order o ON o.id = f.order_id
  LEFT JOIN bookings_partner r ON r.id = f.partner_id
  LEFT JOIN trip ON trip.order_id = f.order_id
  LEFT JOIN reconciliation_settlementline l ON l.id = f.line_id
  LEFT JOIN reconciliation_settlementreport file ON file.id = l.report_id
  LEFT JOIN reconciliation_settlementbatch of_line ON of_line.id = l.batch_id
  LEFT JOIN reconciliation_settlementbatch b ON b.id = f.batch_id
 WHERE f.left_over <> 0
