-- The gateway's own reference of the operation.
INSERT INTO named
SELECT l.line_id, t.id, 'OPERATION'
  FROM open_line l
  JOIN payments_transaction t
    ON t.account_id = %(account)s AND t.gateway_reference = l.gateway_reference AND t.kind = ANY(l.operation_kinds)
 WHERE l.gateway_reference <> ''
    ON CONFLICT (line_id) DO NOTHING
