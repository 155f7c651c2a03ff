-- What another line names too, in whatever way, is not sure after all.
WITH given_back AS (
    DELETE FROM reconciliation_sure_$report
     WHERE transaction_id IN (SELECT transaction_id FROM named)
 RETURNING line_id
)
INSERT INTO unsure SELECT line_id FROM given_back
