-- Our own reference of the operation, or of what was opened for the guest where one attempt in it took the money.
INSERT INTO named
SELECT l.line_id, t.id, 'OURS'
  FROM open_line l
  JOIN payments_transaction t
    ON t.reference IN (l.our_operation_reference, l.our_reference)
   AND t.account_id = %(account)s
   AND t.kind = ANY(l.operation_kinds)
 WHERE l.transaction_id IS NULL
   AND NOT EXISTS (SELECT FROM named n WHERE n.line_id = l.line_id)
    ON CONFLICT (line_id) DO NOTHING;

INSERT INTO named
SELECT l.line_id, (array_agg(t.id))[1], 'OURS'
  FROM open_line l
  JOIN payments_opening o ON o.reference = l.our_reference AND o.account_id = %(account)s
  JOIN payments_transaction t ON t.opening_id = o.id AND t.status = 'PROCESSED' AND t.kind = ANY(l.operation_kinds)
 WHERE l.transaction_id IS NULL
   AND l.kind LIKE 'CAPTURE%%'
   AND NOT EXISTS (SELECT FROM named n WHERE n.line_id = l.line_id)
 GROUP BY l.line_id
HAVING count(*) = 1
    ON CONFLICT (line_id) DO NOTHING
