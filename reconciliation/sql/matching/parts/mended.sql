-- What came right by itself overtakes what was proposed about it, and is told.
, overtaken AS (
    UPDATE reconciliation_proposal p
       SET decision = 'OVERTAKEN', decided_by = 'system', decided_at = %(now)s
      FROM mended
     WHERE p.discrepancy_id = mended.id AND p.decision = ''
)
INSERT INTO reconciliation_discrepancyevent (discrepancy_id, actor, action, state_before, state_after, detail, at)
SELECT m.id, 'system', 'closed', d.state, 'CLOSED', m.how, %(now)s
  FROM mended m JOIN reconciliation_discrepancy d ON d.id = m.id
