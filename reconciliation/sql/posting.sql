-- What the batches of a source have moved, by what their lines say, less what was posted for them so far: signed, into
-- the gateway's account. A batch that does not add up posts nothing until it does. What is settled in another currency
-- than it was paid in leaves the one account and enters the other by way of CONVERSION.
WITH batch AS (
    SELECT id, currency, payout_minor, settled_at
      FROM reconciliation_settlementbatch
     WHERE source_id = %(source)s AND state <> 'UNBALANCED'
       AND (%(report)s::uuid IS NULL
            OR id IN (SELECT batch_id FROM reconciliation_settlementline WHERE report_id = %(report)s))
), told AS (
    SELECT id AS batch_id, 'BANK' AS counterpart, currency, -payout_minor AS minor FROM batch
     WHERE payout_minor IS NOT NULL
     UNION ALL
    SELECT l.batch_id, 'BANK', l.net_currency, sum(l.net_minor)
      FROM reconciliation_settlementline l JOIN batch ON batch.id = l.batch_id
     WHERE l.kind = 'PAYOUT_RETURNED'
     GROUP BY l.batch_id, l.net_currency
     UNION ALL
    SELECT l.batch_id, 'FEES', l.net_currency, -sum(l.fee_minor)
      FROM reconciliation_settlementline l JOIN batch ON batch.id = l.batch_id
     GROUP BY l.batch_id, l.net_currency
     UNION ALL
    SELECT l.batch_id, 'RESERVE', l.net_currency, sum(l.net_minor)
      FROM reconciliation_settlementline l JOIN batch ON batch.id = l.batch_id
     WHERE l.kind = 'RESERVE'
     GROUP BY l.batch_id, l.net_currency
     UNION ALL
    SELECT l.batch_id, 'CONVERSION', l.gross_currency, -sum(l.gross_minor)
      FROM reconciliation_settlementline l JOIN batch ON batch.id = l.batch_id
     WHERE l.gross_currency <> l.net_currency
     GROUP BY l.batch_id, l.gross_currency
     UNION ALL
    SELECT l.batch_id, 'CONVERSION', l.net_currency, sum(l.net_minor + l.fee_minor)
      FROM reconciliation_settlementline l JOIN batch ON batch.id = l.batch_id
     WHERE l.gross_currency <> l.net_currency
     GROUP BY l.batch_id, l.net_currency
     UNION ALL
    SELECT p.batch_id,
           CASE WHEN e.to_account = %(money_account)s THEN e.from_account ELSE e.to_account END,
           e.currency,
           CASE WHEN e.to_account = %(money_account)s THEN -e.amount_minor ELSE e.amount_minor END
      FROM reconciliation_batchposting p
      JOIN batch ON batch.id = p.batch_id
      JOIN payments_ledgerentry e ON e.posting_id = p.posting_id
)
SELECT told.batch_id, counterpart, told.currency, sum(minor)::bigint AS minor, batch.settled_at
  FROM told
  JOIN batch ON batch.id = told.batch_id
 GROUP BY told.batch_id, counterpart, told.currency, batch.settled_at
HAVING sum(minor) <> 0
 ORDER BY told.batch_id, counterpart, told.currency
