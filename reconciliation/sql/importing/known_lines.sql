-- Leave out what an earlier file brought: of batches that have lines already, as many equal lines as stand there. What a
-- batch has beyond that is new, be it equal to another line of the same file or not.
WITH
-- include: importing/parts/standing
, known AS (
    SELECT count(*) AS times,
-- include: importing/parts/identity
      FROM standing
     GROUP BY
-- include: importing/parts/identity
), named_again AS (
    SELECT t.line_number, known.times,
           row_number() OVER (PARTITION BY
-- include: importing/parts/identity
                   ORDER BY t.line_number) AS occurrence
      FROM reconciliation_typed_$report t
      JOIN known USING (
-- include: importing/parts/identity
           )
     WHERE t.problem IS NULL
)
DELETE FROM reconciliation_typed_$report AS t
 USING named_again
 WHERE t.line_number = named_again.line_number
   AND named_again.occurrence <= named_again.times
