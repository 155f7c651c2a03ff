-- Of equal lines, be they of one file or of several, as many are the same as both stand in the batches of the file and
-- are told by it. Here are those that stand beyond these (line_id), which it tells no more, and those that it tells
-- among them (line_number), which it tells again.
CREATE TEMP TABLE told_before ON COMMIT DROP AS
WITH standing AS (
    -- But for lines that were taken back, and those that take them back.
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
