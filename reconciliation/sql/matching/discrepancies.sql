-- Open what was found, once: what is open or was closed before stays as it is.
WITH opened AS (
    INSERT INTO reconciliation_discrepancy
           (source_id, kind, line_id, amount_minor, currency, detail, state, resolution, reason, proposed_by,
            approved_by, opened_on, opened_at)
    SELECT %(source)s, kind, line_id, amount_minor, currency, '', 'OPEN', '', '', '', '',
           (settled_at AT TIME ZONE %(zone)s)::date, %(now)s
      FROM finding
     ORDER BY line_id, kind
        ON CONFLICT (line_id, kind) DO NOTHING
 RETURNING id
)
INSERT INTO reconciliation_discrepancyevent (discrepancy_id, actor, action, state_before, state_after, detail, at)
SELECT id, 'system', 'opened', '', 'OPEN', '', %(now)s FROM opened ORDER BY id;

WITH opened AS (
    INSERT INTO reconciliation_discrepancy
           (source_id, kind, batch_id, amount_minor, currency, detail, state, resolution, reason, proposed_by,
            approved_by, opened_on, opened_at)
    SELECT source_id, 'UNBALANCED_BATCH', id, abs(difference_minor), currency, '', 'OPEN', '', '', '', '',
           (settled_at AT TIME ZONE %(zone)s)::date, %(now)s
      FROM reconciliation_settlementbatch
     WHERE source_id = %(source)s AND state = 'UNBALANCED'
        ON CONFLICT (batch_id, kind) DO NOTHING
 RETURNING id
)
INSERT INTO reconciliation_discrepancyevent (discrepancy_id, actor, action, state_before, state_after, detail, at)
SELECT id, 'system', 'opened', '', 'OPEN', '', %(now)s FROM opened ORDER BY id
