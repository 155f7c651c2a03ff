-- What names no operation: by its order or payment, with amount and day. Only movements that nobody took; one and one
-- are a match, anything else is a person's.
CREATE TEMP TABLE suggestion ON COMMIT DROP AS
WITH bare AS (
    SELECT l.*
      FROM open_line l
     WHERE l.transaction_id IS NULL
       AND NOT EXISTS (SELECT FROM named n WHERE n.line_id = l.line_id)
), operation AS (
    SELECT b.line_id, t.id AS transaction_id
      FROM bare b
      JOIN payments_payment p ON p.reference = b.our_reference
      JOIN payments_transaction t ON t.payment_id = p.id AND t.account_id = %(account)s
     WHERE t.kind = ANY(b.operation_kinds)
     UNION
    SELECT b.line_id, t.id
      FROM bare b
      JOIN bookings_order o ON o.reference = b.our_reference
      JOIN payments_transaction t ON t.order_id = o.id AND t.account_id = %(account)s
     WHERE t.kind = ANY(b.operation_kinds)
     UNION
    -- What partners and guests know an order by is the reference of its booking.
    SELECT b.line_id, t.id
      FROM bare b
      JOIN bookings_booking booking ON booking.reference = b.our_reference
      JOIN payments_transaction t ON t.order_id = booking.order_id AND t.account_id = %(account)s
     WHERE t.kind = ANY(b.operation_kinds)
)
SELECT b.line_id, min(e.id) AS entry_id,
       sum(CASE WHEN e.to_account = %(money_account)s THEN e.amount_minor ELSE -e.amount_minor END) AS amount_minor,
       b.gross_minor
  FROM operation o
  JOIN bare b ON b.line_id = o.line_id
  JOIN payments_ledgerentry e
    ON e.transaction_id = o.transaction_id AND %(money_account)s IN (e.from_account, e.to_account)
  JOIN payments_posting p ON p.id = e.posting_id
 WHERE e.currency = b.gross_currency
   AND abs((p.occurred_at AT TIME ZONE %(zone)s)::date - (b.occurred_at AT TIME ZONE %(zone)s)::date) <= %(window_days)s
 GROUP BY b.line_id, b.gross_minor, o.transaction_id, e.posting_id
HAVING abs(sum(CASE WHEN e.to_account = %(money_account)s THEN e.amount_minor ELSE -e.amount_minor END)
           - b.gross_minor) <= %(tolerance)s
   AND min(e.id) NOT IN (SELECT entry_id FROM pair WHERE entry_id IS NOT NULL UNION ALL SELECT entry_id FROM taking)
   AND NOT EXISTS (SELECT FROM reconciliation_ledgerconsumed c WHERE c.entry_id = min(e.id));

INSERT INTO pair
SELECT line_id, line_id, entry_id, 'ORDER', gross_minor - amount_minor, true
  FROM (SELECT *, count(*) OVER (PARTITION BY line_id) AS movements, count(*) OVER (PARTITION BY entry_id) AS lines
          FROM suggestion) AS counted
 WHERE movements = 1
   AND lines = 1
