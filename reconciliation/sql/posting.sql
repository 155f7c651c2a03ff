-- What the batches of a source have moved, by what their lines say, less what was posted for them so far: signed, into
-- the gateway's account. A batch that does not add up posts nothing until it does. What is settled in another currency
-- than it was paid in leaves the one account and enters the other by way of CONVERSION. It happens when the batch was
-- settled by all that was ever told of it, as the report of payouts has it: a newer report moves nothing into an
-- earlier month.
WITH batch AS (
    SELECT id, currency, payout_minor
      FROM reconciliation_settlementbatch
     WHERE source_id = %(source)s AND state <> 'UNBALANCED'
       AND (%(report)s::uuid IS NULL
            OR id = ANY (ARRAY(
                   SELECT DISTINCT batch_id FROM reconciliation_settlementline WHERE report_id = %(report)s)))
), sums AS MATERIALIZED (
    SELECT batch_id, kind, gross_currency, net_currency, sum(gross_minor) AS gross_minor, sum(net_minor) AS net_minor,
           sum(fee_minor) AS fee_minor, max(settled_at) AS settled_at
      FROM reconciliation_settlementline
     WHERE batch_id = ANY (ARRAY(SELECT id FROM batch))
     GROUP BY batch_id, kind, gross_currency, net_currency
), settled AS (
    SELECT batch_id, max(settled_at) AS settled_at FROM sums GROUP BY batch_id
), told AS (
    SELECT id AS batch_id, 'BANK' AS counterpart, currency, -payout_minor AS minor FROM batch
     WHERE payout_minor IS NOT NULL
     UNION ALL
    SELECT batch_id, 'BANK', net_currency, net_minor FROM sums WHERE kind = 'PAYOUT_RETURNED'
     UNION ALL
    SELECT batch_id, 'FEES', net_currency, -fee_minor FROM sums
     UNION ALL
    SELECT batch_id, 'RESERVE', net_currency, net_minor FROM sums WHERE kind = 'RESERVE'
     UNION ALL
    SELECT batch_id, 'CONVERSION', gross_currency, -gross_minor FROM sums WHERE gross_currency <> net_currency
     UNION ALL
    SELECT batch_id, 'CONVERSION', net_currency, net_minor + fee_minor FROM sums WHERE gross_currency <> net_currency
     UNION ALL
    SELECT p.batch_id,
           CASE WHEN e.to_account = %(money_account)s THEN e.from_account ELSE e.to_account END,
           e.currency,
           CASE WHEN e.to_account = %(money_account)s THEN -e.amount_minor ELSE e.amount_minor END
      FROM reconciliation_batchposting p
      JOIN batch ON batch.id = p.batch_id
      JOIN payments_ledgerentry e ON e.posting_id = p.posting_id
)
SELECT told.batch_id, counterpart, told.currency, sum(minor)::bigint AS minor, settled.settled_at
  FROM told
  JOIN settled ON settled.batch_id = told.batch_id
 GROUP BY told.batch_id, counterpart, told.currency, settled.settled_at
HAVING sum(minor) <> 0
 ORDER BY told.batch_id, counterpart, told.currency
