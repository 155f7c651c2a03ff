-- What was written off, and came after all: the books have lost it once and got it twice until the write-off is undone.
WITH came AS MATERIALIZED (
SELECT d.source_id, d.entry_id, NULL::bigint AS batch_id, d.amount_minor, d.currency,
       (l.settled_at AT TIME ZONE %(zone)s)::date AS settled_on
  FROM reconciliation_discrepancy d
  JOIN reconciliation_ledgerconsumed c ON c.entry_id = d.entry_id
  JOIN reconciliation_match m ON m.id = c.match_id
  JOIN reconciliation_settlementline l ON l.id = m.line_id
 WHERE d.kind = 'MISSING_THERE' AND d.resolution = 'WRITTEN_OFF' AND d.source_id = %(source)s
 UNION ALL
-- The bank's word is that of another source.
SELECT d.source_id, NULL, d.batch_id, d.amount_minor, d.currency, (l.settled_at AT TIME ZONE s.time_zone)::date
  FROM reconciliation_discrepancy d
  JOIN reconciliation_settlementsource s ON s.id = d.source_id
  JOIN reconciliation_settlementbatch b ON b.id = d.batch_id
  JOIN reconciliation_settlementline l ON l.id = b.bank_line_id
 WHERE d.kind = 'NOT_IN_BANK' AND d.resolution = 'WRITTEN_OFF'
), of_entry AS (
    INSERT INTO reconciliation_discrepancy
           (source_id, kind, entry_id, amount_minor, currency, detail, state, resolution, reason, proposed_by,
            approved_by, opened_on, opened_at)
    SELECT source_id, 'SETTLED_AFTER_ALL', entry_id, amount_minor, currency, '', 'OPEN', '', '', '', '', settled_on,
           %(now)s
      FROM came
     WHERE entry_id IS NOT NULL
     ORDER BY entry_id
        ON CONFLICT (entry_id, kind)
-- include: matching/parts/again
), of_batch AS (
    INSERT INTO reconciliation_discrepancy
           (source_id, kind, batch_id, amount_minor, currency, detail, state, resolution, reason, proposed_by,
            approved_by, opened_on, opened_at)
    SELECT source_id, 'SETTLED_AFTER_ALL', batch_id, amount_minor, currency, '', 'OPEN', '', '', '', '', settled_on,
           %(now)s
      FROM came
     WHERE batch_id IS NOT NULL
     ORDER BY batch_id
        ON CONFLICT (batch_id, kind)
-- include: matching/parts/again
), opened AS (
    SELECT * FROM of_entry UNION ALL SELECT * FROM of_batch
)
-- include: matching/parts/opened
