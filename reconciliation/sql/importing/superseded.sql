-- The lines of a report's batches that it tells no more, for one that has its batches whole: of each line that stands, as
-- many as there are beyond what the report tells of it (see known_lines).
CREATE TEMP TABLE superseded ON COMMIT DROP AS
WITH told_again AS (
    SELECT batch_reference, vendor_type, gateway_reference, payment_reference, our_reference, our_operation_reference,
           gross_currency, gross_minor, net_currency, net_minor, occurred_at, count(*) AS times
      FROM reconciliation_typed_$report
     WHERE problem IS NULL
     GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
), standing AS (
    SELECT b.reference, l.*,
           row_number() OVER (
               PARTITION BY b.reference, l.vendor_type, l.gateway_reference, l.payment_reference, l.our_reference,
                            l.our_operation_reference, l.gross_currency, l.gross_minor, l.net_currency, l.net_minor,
                            l.occurred_at
                   ORDER BY l.id) AS occurrence
      FROM batch_of_file b
      JOIN reconciliation_settlementline l ON l.batch_id = b.id
     WHERE b.is_known
       AND NOT EXISTS (SELECT FROM reconciliation_supersededline s WHERE s.line_id = l.id)
       AND NOT EXISTS (SELECT FROM reconciliation_supersededline s WHERE s.taken_back_by_id = l.id)
)
SELECT s.id AS line_id
  FROM standing s
  LEFT JOIN told_again t
    ON (t.batch_reference, t.vendor_type, t.gateway_reference, t.payment_reference, t.our_reference,
        t.our_operation_reference, t.gross_currency, t.gross_minor, t.net_currency, t.net_minor, t.occurred_at)
     = (s.reference, s.vendor_type, s.gateway_reference, s.payment_reference, s.our_reference,
        s.our_operation_reference, s.gross_currency, s.gross_minor, s.net_currency, s.net_minor, s.occurred_at)
 WHERE s.occurrence > coalesce(t.times, 0);
ANALYZE superseded
