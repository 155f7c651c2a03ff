-- What a file gives and takes back of an operation that moved nothing here: a refund that failed may be told as two lines,
-- while we never booked it. It came to nothing on both sides.
INSERT INTO pair
SELECT l.line_id, min(l.line_id) OVER (PARTITION BY n.transaction_id), NULL::bigint, 'SUM', 0, true
  FROM named n
  JOIN open_line l ON l.line_id = n.line_id
 WHERE n.transaction_id IN (
           SELECT n.transaction_id
             FROM named n
             JOIN open_line l ON l.line_id = n.line_id
            GROUP BY n.transaction_id
           HAVING count(*) > 1 AND sum(l.gross_minor) = 0 AND count(DISTINCT l.gross_currency) = 1)
   AND NOT EXISTS (
           SELECT FROM payments_ledgerentry e
            WHERE e.transaction_id = n.transaction_id AND %(money_account)s IN (e.from_account, e.to_account))
