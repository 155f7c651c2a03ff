-- Open what was found, once: what is open stays as it is.
WITH opened AS (
    INSERT INTO reconciliation_discrepancy
           (source_id, kind, line_id, amount_minor, currency, detail, state, resolution, reason, proposed_by,
            approved_by, opened_on, opened_at)
    SELECT %(source)s, kind, line_id, amount_minor, currency, '', 'OPEN', '', '', '', '',
           (settled_at AT TIME ZONE %(zone)s)::date, %(now)s
      FROM finding
     ORDER BY line_id, kind
        ON CONFLICT (line_id, kind)
-- include: matching/parts/again
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
        ON CONFLICT (batch_id, kind)
-- include: matching/parts/again
)
-- include: matching/parts/opened
