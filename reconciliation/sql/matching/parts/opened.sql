-- What a run opened, or opened again, is told with what is at stake.
INSERT INTO reconciliation_discrepancyevent
       (discrepancy_id, actor, action, state_before, state_after, detail, amount_minor, at)
SELECT id, 'system', 'opened',
       CASE WHEN EXISTS (SELECT FROM reconciliation_discrepancyevent e WHERE e.discrepancy_id = opened.id) THEN 'CLOSED'
            ELSE '' END,
       state, '', amount_minor, %(now)s
  FROM opened
 ORDER BY id
