-- The gateway's reference of the payment, which a sale goes by: it has no capture of its own with us.
INSERT INTO named
SELECT l.line_id, t.id, 'PAYMENT'
  FROM open_line l
  JOIN payments_transaction t
    ON t.account_id = %(account)s AND t.gateway_reference = l.payment_reference AND t.kind = 'SALE'
 WHERE l.payment_reference <> ''
   AND l.kind LIKE 'CAPTURE%%'
   AND NOT EXISTS (SELECT FROM named n WHERE n.line_id = l.line_id)
    ON CONFLICT (line_id) DO NOTHING
