-- What was missing and is waited for no more: what its operation moved in its currency and nobody settled comes to
-- nothing by now, as a capture does that failed after all. What is nobody's to settle here (see missing_there) does not
-- count.
--
-- After a month without a report everything may be missing. Each step is counted before the next is planned: the
-- planner would expect one row of each, and read all of the one for every row of the other.
CREATE TEMP TABLE missing ON COMMIT DROP AS
SELECT d.id, e.transaction_id, e.currency
  FROM reconciliation_discrepancy d
  JOIN payments_ledgerentry e ON e.id = d.entry_id
 WHERE d.source_id = %(source)s AND d.kind = 'MISSING_THERE' AND d.state <> 'CLOSED';
ANALYZE missing;

CREATE TEMP TABLE moved ON COMMIT DROP AS
SELECT e.transaction_id, e.currency, min(e.id) AS entry_id,
       sum(CASE WHEN e.to_account = %(money_account)s THEN e.amount_minor ELSE -e.amount_minor END) AS amount_minor
  FROM payments_ledgerentry e
  JOIN payments_posting p ON p.id = e.posting_id
 WHERE e.transaction_id IN (SELECT transaction_id FROM missing)
   AND e.gateway_account_id = %(account)s
   AND %(money_account)s IN (e.from_account, e.to_account)
   AND p.occurred_at >= %(reconciled_from)s::date::timestamp AT TIME ZONE %(zone)s
 GROUP BY e.posting_id, e.transaction_id, e.currency;
ANALYZE moved;

CREATE TEMP TABLE came_to_nothing ON COMMIT DROP AS
SELECT transaction_id, currency
  FROM moved
 WHERE NOT EXISTS (SELECT FROM reconciliation_ledgerconsumed c WHERE c.entry_id = moved.entry_id)
 GROUP BY transaction_id, currency
HAVING sum(amount_minor) = 0;
ANALYZE came_to_nothing;

WITH mended AS (
    UPDATE reconciliation_discrepancy d
       SET state = 'CLOSED', resolution = 'ARRIVED', closed_at = %(now)s
      FROM missing
      JOIN came_to_nothing USING (transaction_id, currency)
     WHERE missing.id = d.id
 RETURNING d.id, 'it came right by itself' AS how
)
-- include: matching/parts/mended
;

DROP TABLE missing, moved, came_to_nothing
