-- What is at stake of a batch follows the batch, which lines may be added to. What people explained they explained of
-- one amount: with another one it is open again.
WITH about AS (
    SELECT d.id, d.amount_minor, d.state, abs(b.difference_minor) AS at_stake
      FROM reconciliation_discrepancy d
      JOIN reconciliation_settlementbatch b ON b.id = d.batch_id
     WHERE d.source_id = %(source)s
       AND d.kind = 'UNBALANCED_BATCH'
       AND (d.state <> 'CLOSED' OR d.resolution = 'EXPLAINED')
       AND b.state = 'UNBALANCED'
     UNION ALL
    SELECT d.id, d.amount_minor, d.state, abs(b.payout_minor)
      FROM reconciliation_discrepancy d
      JOIN reconciliation_settlementbatch b ON b.id = d.batch_id
     WHERE d.source_id = %(source)s
       AND d.kind = 'NOT_IN_BANK'
       AND (d.state <> 'CLOSED' OR d.resolution = 'EXPLAINED')
       AND b.state = 'BALANCED'
       AND b.payout_minor <> 0
     UNION ALL
    SELECT d.id, d.amount_minor, d.state, a.amount_minor
      FROM reconciliation_discrepancy d
      JOIN another_payout a ON a.batch_id = d.batch_id
     WHERE d.kind = 'ANOTHER_PAYOUT' AND (d.state <> 'CLOSED' OR d.resolution = 'EXPLAINED')
), changed AS (
    UPDATE reconciliation_discrepancy d
       SET amount_minor = about.at_stake,
           state = CASE WHEN d.state <> 'CLOSED' THEN d.state
                        WHEN d.assignee_id IS NULL THEN 'OPEN' ELSE 'ASSIGNED' END,
           resolution = '', reason = '', closed_at = NULL
      FROM about
     WHERE about.id = d.id AND about.at_stake <> about.amount_minor
 RETURNING d.id, about.state AS before, d.state, d.amount_minor
)
INSERT INTO reconciliation_discrepancyevent
       (discrepancy_id, actor, action, state_before, state_after, detail, amount_minor, at)
SELECT id, 'system', CASE WHEN before = 'CLOSED' THEN 'opened' ELSE 'changed' END, before, state,
       'another amount is at stake', amount_minor, %(now)s
  FROM changed
 ORDER BY id
