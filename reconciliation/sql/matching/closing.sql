-- Close what has come right by itself: the line found its place (or turned out to be something else), the entry was
-- settled, the batch adds up now, the bank has the payout, or the payout comes to nothing. What is open is few, and is
-- looked up by index: without the OFFSET PostgreSQL would rather read all matches there are.
CREATE INDEX ON finding (line_id);
ANALYZE finding;
WITH mended AS (
    UPDATE reconciliation_discrepancy d
       SET state = 'CLOSED', resolution = 'ARRIVED', closed_at = %(now)s
     WHERE (d.source_id = %(source)s OR d.kind = 'NOT_IN_BANK')
       AND d.state <> 'CLOSED'
       AND CASE
             WHEN d.kind = ANY(%(unplaced_kinds)s) THEN
                  EXISTS (SELECT FROM reconciliation_match m
                           WHERE m.line_id = d.line_id AND m.undone_at IS NULL OFFSET 0)
                  OR EXISTS (SELECT FROM finding f
                              WHERE f.line_id = d.line_id AND f.kind = ANY(%(unplaced_kinds)s) AND f.kind <> d.kind)
             WHEN d.kind = 'MISSING_THERE' THEN
                  EXISTS (SELECT FROM reconciliation_ledgerconsumed c WHERE c.entry_id = d.entry_id OFFSET 0)
             WHEN d.kind = 'UNBALANCED_BATCH' THEN
                  EXISTS (SELECT FROM reconciliation_settlementbatch b
                           WHERE b.id = d.batch_id AND b.state <> 'UNBALANCED')
             WHEN d.kind = 'NOT_IN_BANK' THEN
                  EXISTS (SELECT FROM reconciliation_settlementbatch b
                           WHERE b.id = d.batch_id AND (b.state = 'PAID' OR coalesce(b.payout_minor, 0) = 0))
             -- Its line was taken back by a newer report.
             WHEN d.kind = 'SETTLED_AFTER_ALL' THEN
                  d.entry_id IS NOT NULL
                  AND NOT EXISTS (SELECT FROM reconciliation_ledgerconsumed c WHERE c.entry_id = d.entry_id OFFSET 0)
           END
 RETURNING d.id, 'it came right by itself' AS how
)
-- include: matching/parts/mended
