-- Open what was found, once: what is open, or was closed by people, stays as it is. What came right by itself and is
-- wrong once more is open again.
WITH opened AS (
    INSERT INTO reconciliation_discrepancy
           (source_id, kind, line_id, amount_minor, currency, detail, state, resolution, reason, proposed_by,
            approved_by, opened_on, opened_at)
    SELECT %(source)s, kind, line_id, amount_minor, currency, '', 'OPEN', '', '', '', '',
           (settled_at AT TIME ZONE %(zone)s)::date, %(now)s
      FROM finding
     ORDER BY line_id, kind
        ON CONFLICT (line_id, kind) DO UPDATE
       SET state = CASE WHEN reconciliation_discrepancy.assignee_id IS NULL THEN 'OPEN' ELSE 'ASSIGNED' END,
           amount_minor = excluded.amount_minor, currency = excluded.currency, resolution = '', reason = '',
           proposed_by = '', approved_by = '', closed_at = NULL
     WHERE reconciliation_discrepancy.resolution = 'ARRIVED'
 RETURNING id, state, amount_minor
)
-- include: matching/parts/opened
;

WITH opened AS (
    INSERT INTO reconciliation_discrepancy
           (source_id, kind, batch_id, amount_minor, currency, detail, state, resolution, reason, proposed_by,
            approved_by, opened_on, opened_at)
    SELECT source_id, 'UNBALANCED_BATCH', id, abs(difference_minor), currency, '', 'OPEN', '', '', '', '',
           (settled_at AT TIME ZONE %(zone)s)::date, %(now)s
      FROM reconciliation_settlementbatch
     WHERE source_id = %(source)s AND state = 'UNBALANCED'
        ON CONFLICT (batch_id, kind) DO UPDATE
       SET state = CASE WHEN reconciliation_discrepancy.assignee_id IS NULL THEN 'OPEN' ELSE 'ASSIGNED' END,
           amount_minor = excluded.amount_minor, resolution = '', reason = '', proposed_by = '', approved_by = '',
           closed_at = NULL
     WHERE reconciliation_discrepancy.resolution = 'ARRIVED'
 RETURNING id, state, amount_minor
)
-- include: matching/parts/opened
