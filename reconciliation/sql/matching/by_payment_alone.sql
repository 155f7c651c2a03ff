-- Refunds and chargebacks of which only the payment is named: what was done to it by us, or to us. In the same order
-- where several are of one amount, else the only one.
CREATE TEMP TABLE nameless ON COMMIT DROP AS
SELECT l.line_id, root.payment_id, l.sign, l.operation_kinds, abs(l.gross_minor) AS minor, l.gross_currency AS currency,
       row_number() OVER (PARTITION BY root.payment_id, l.sign, l.operation_kinds, abs(l.gross_minor), l.gross_currency
                              ORDER BY l.line_id) AS turn,
       count(*) OVER (PARTITION BY root.payment_id, l.sign, l.operation_kinds) AS lines
  FROM open_line l
  JOIN payments_transaction root
    ON root.account_id = %(account)s
   AND root.gateway_reference = l.payment_reference
   AND root.kind IN ('SALE', 'AUTHORIZATION')
 WHERE l.payment_reference <> ''
   AND (l.gateway_reference, l.our_operation_reference) = ('', '')
   AND l.kind NOT LIKE 'CAPTURE%%'
   AND NOT EXISTS (SELECT FROM named n WHERE n.line_id = l.line_id);

CREATE TEMP TABLE unsettled ON COMMIT DROP AS
SELECT t.id AS transaction_id, t.payment_id, t.kind, sign, t.amount_minor AS minor, t.currency,
       row_number() OVER (PARTITION BY t.payment_id, t.kind, sign, t.amount_minor, t.currency
                              ORDER BY t.requested_at, t.id) AS turn,
       count(*) OVER (PARTITION BY t.payment_id, t.kind, sign) AS operations
  FROM payments_transaction t
 CROSS JOIN (VALUES (1), (-1)) AS way(sign)
 WHERE t.payment_id = ANY (ARRAY(SELECT DISTINCT payment_id FROM nameless))
   AND t.account_id = %(account)s
   AND t.kind IN ('REFUND', 'CHARGEBACK')
   AND t.status <> 'FAILED'
   AND NOT EXISTS (
           SELECT FROM payments_ledgerentry e
             JOIN reconciliation_ledgerconsumed c ON c.entry_id = e.id
            WHERE e.transaction_id = t.id
              AND sign = CASE WHEN e.to_account = %(money_account)s THEN 1 ELSE -1 END);

INSERT INTO named
SELECT n.line_id, u.transaction_id, 'PAYMENT'
  FROM nameless n
  JOIN unsettled u
    ON (u.payment_id, u.sign, u.minor, u.currency, u.turn) = (n.payment_id, n.sign, n.minor, n.currency, n.turn)
   AND u.kind = ANY(n.operation_kinds);

INSERT INTO named
SELECT n.line_id, u.transaction_id, 'PAYMENT'
  FROM nameless n
  JOIN unsettled u ON (u.payment_id, u.sign) = (n.payment_id, n.sign) AND u.kind = ANY(n.operation_kinds)
 WHERE n.lines = 1 AND u.operations = 1
    ON CONFLICT (line_id) DO NOTHING
