-- The batches of the file that it is not the first to name, whether anything stands in them or not.
CREATE TEMP TABLE batch_of_file ON COMMIT DROP AS
SELECT b.id, b.reference, b.currency, true AS is_known
  FROM reconciliation_settlementbatch b
  JOIN (SELECT DISTINCT batch_reference, net_currency FROM told WHERE NOT is_bad) AS named
    ON (named.batch_reference, named.net_currency) = (b.reference, b.currency)
 WHERE b.source_id = %(source)s;

-- And those that it is. They are few, and nothing else of the file need be read to find them.
WITH new AS (
    INSERT INTO reconciliation_settlementbatch
           (source_id, reference, currency, state, line_count, net_minor, fee_minor, difference_minor, settled_at)
    SELECT %(source)s, batch_reference, net_currency, 'OPEN', 0, 0, 0, 0, max(settled_at)
      FROM told
     WHERE NOT is_bad
     GROUP BY batch_reference, net_currency
     ORDER BY batch_reference, net_currency
        ON CONFLICT (source_id, reference, currency) DO NOTHING
 RETURNING id, reference, currency
)
INSERT INTO batch_of_file (id, reference, currency, is_known)
SELECT id, reference, currency, false FROM new;
ANALYZE batch_of_file
