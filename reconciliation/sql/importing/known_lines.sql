-- Leave out what an earlier file brought. What a batch has beyond that is new, be it equal to another line or not.
DELETE FROM reconciliation_typed_$report AS t USING told_before b WHERE t.line_number = b.line_number
