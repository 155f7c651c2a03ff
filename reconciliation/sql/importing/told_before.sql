-- Of equal lines, be they in one file or in several, as many are the same as stand in the batches of the file and as it tells.
-- Here are those that stand beyond that (line_id), which it tells no more, and those that it tells again (line_number).
CREATE TEMP TABLE told_before ON COMMIT DROP AS
WITH standing AS (
    -- But for those that were taken back, and those that take back.
    SELECT b.reference AS batch_reference, l.*
      FROM batch_of_file b
      JOIN reconciliation_settlementline l ON l.batch_id = b.id
     WHERE b.is_known
       AND NOT EXISTS (SELECT FROM reconciliation_supersededline s WHERE s.line_id = l.id)
       AND NOT EXISTS (SELECT FROM reconciliation_supersededline s WHERE s.taken_back_by_id = l.id)
), line AS (
    SELECT id AS line_id, NULL::bigint AS line_number,
-- include: importing/parts/identity
      FROM standing
     UNION ALL
    SELECT NULL, line_number,
-- include: importing/parts/identity
      FROM reconciliation_typed_$report
     WHERE problem IS NULL
), placed AS (
    -- Those that stand come first.
    SELECT line_id, line_number, count(line_id) OVER equal AS standing, count(line_number) OVER equal AS told,
           row_number() OVER (equal ORDER BY line_id NULLS LAST, line_number) AS place
      FROM line
    WINDOW equal AS (PARTITION BY
-- include: importing/parts/identity
           )
)
SELECT line_id, line_number
  FROM placed
 WHERE CASE WHEN line_id IS NULL THEN place - standing <= standing ELSE place > told END;
ANALYZE told_before
