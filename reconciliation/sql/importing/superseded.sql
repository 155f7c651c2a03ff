-- The lines of a report's batches that it tells no more, for one that has its batches whole: of each line that stands, as
-- many as there are beyond what the report tells of it.
CREATE TEMP TABLE superseded ON COMMIT DROP AS
WITH
-- include: importing/parts/standing
, counted AS (
    SELECT *,
           row_number() OVER (PARTITION BY
-- include: importing/parts/identity
                   ORDER BY id) AS occurrence
      FROM standing
), told_again AS (
    SELECT count(*) AS times,
-- include: importing/parts/identity
      FROM reconciliation_typed_$report
     WHERE problem IS NULL
     GROUP BY
-- include: importing/parts/identity
)
SELECT counted.id AS line_id
  FROM counted
  LEFT JOIN told_again USING (
-- include: importing/parts/identity
       )
 WHERE occurrence > coalesce(times, 0);
ANALYZE superseded
