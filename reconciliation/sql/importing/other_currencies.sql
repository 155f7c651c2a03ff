-- A report that has its batches whole may have left a currency out that they were settled in.
INSERT INTO batch_of_file (id, reference, currency, is_known)
SELECT b.id, b.reference, b.currency, true
  FROM reconciliation_settlementbatch b
 WHERE b.source_id = %(source)s
   AND b.reference IN (SELECT reference FROM batch_of_file)
   AND b.id NOT IN (SELECT id FROM batch_of_file)
