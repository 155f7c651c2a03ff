-- The lines that batches of the file have already, but for those that were taken back and those that take back.
standing AS (
    SELECT b.reference AS batch_reference, l.*
      FROM batch_of_file b
      JOIN reconciliation_settlementline l ON l.batch_id = b.id
     WHERE b.is_known
       AND NOT EXISTS (SELECT FROM reconciliation_supersededline s WHERE s.line_id = l.id)
       AND NOT EXISTS (SELECT FROM reconciliation_supersededline s WHERE s.taken_back_by_id = l.id)
)
