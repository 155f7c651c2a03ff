-- Leave out what an earlier file brought: of batches that have lines already, as many equal lines as stand there. What a
-- batch has beyond that is new, be it equal to another line of the same file or not. What a map makes of a type is not
-- looked at, for it may know more types by now.
WITH known AS (
    SELECT b.reference, l.vendor_type, l.gateway_reference, l.payment_reference, l.our_reference,
           l.our_operation_reference, l.gross_currency, l.gross_minor, l.net_currency, l.net_minor, l.occurred_at,
           count(*) AS times
      FROM batch_of_file b
      JOIN reconciliation_settlementline l ON l.batch_id = b.id
     WHERE b.is_known
       AND NOT EXISTS (SELECT FROM reconciliation_supersededline s WHERE s.line_id = l.id)
       AND NOT EXISTS (SELECT FROM reconciliation_supersededline s WHERE s.taken_back_by_id = l.id)
     GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
), named_again AS (
    SELECT t.line_number, known.times,
           row_number() OVER (
               PARTITION BY t.batch_reference, t.vendor_type, t.gateway_reference, t.payment_reference,
                            t.our_reference, t.our_operation_reference, t.gross_currency, t.gross_minor,
                            t.net_currency, t.net_minor, t.occurred_at
                   ORDER BY t.line_number) AS occurrence
      FROM reconciliation_typed_$report t
      JOIN known
        ON (known.reference, known.vendor_type, known.gateway_reference, known.payment_reference,
            known.our_reference, known.our_operation_reference, known.gross_currency, known.gross_minor,
            known.net_currency, known.net_minor, known.occurred_at)
         = (t.batch_reference, t.vendor_type, t.gateway_reference, t.payment_reference,
            t.our_reference, t.our_operation_reference, t.gross_currency, t.gross_minor,
            t.net_currency, t.net_minor, t.occurred_at)
     WHERE t.problem IS NULL
)
DELETE FROM reconciliation_typed_$report AS t
 USING named_again
 WHERE t.line_number = named_again.line_number
   AND named_again.occurrence <= named_again.times
