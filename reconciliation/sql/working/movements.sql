-- Movements of an account that nobody took: those that are named, or those of the operations that are named or come
-- near an amount and a time. What one posting moved through the gateway's account for one operation is one of them, and
-- its first entry stands for it. `names` is all that it goes by; those that are named come first, then the nearest.
WITH operation AS (
    SELECT id FROM payments_transaction
     WHERE account_id = %(account)s AND gateway_reference = ANY(%(references)s)
     UNION
    SELECT id FROM payments_transaction
     WHERE account_id = %(account)s AND reference = ANY(%(references)s)
     UNION
    SELECT t.id FROM payments_payment p JOIN payments_transaction t ON t.payment_id = p.id
     WHERE p.reference = ANY(%(references)s) AND t.account_id = %(account)s
     UNION
    SELECT t.id FROM bookings_order o JOIN payments_transaction t ON t.order_id = o.id
     WHERE o.reference = ANY(%(references)s) AND t.account_id = %(account)s
     UNION
    -- What partners and guests know an order by is the reference of its booking.
    SELECT t.id FROM bookings_booking b JOIN payments_transaction t ON t.order_id = b.order_id
     WHERE b.reference = ANY(%(references)s) AND t.account_id = %(account)s
     UNION
    SELECT transaction_id FROM payments_ledgerentry WHERE id = ANY(%(entries)s)
     UNION
    SELECT id FROM payments_transaction
     WHERE account_id = %(account)s
       AND currency = %(currency)s
       AND amount_minor BETWEEN %(least)s AND %(most)s
       AND decided_at BETWEEN %(since)s AND %(until)s
), moved AS (
    SELECT min(e.id) AS entry_id, e.transaction_id, e.currency, e.posting_id,
           sum(CASE WHEN e.to_account = %(money_account)s THEN e.amount_minor ELSE -e.amount_minor END)::bigint AS minor
      FROM operation o
      JOIN payments_ledgerentry e ON e.transaction_id = o.id
     WHERE e.gateway_account_id = %(account)s
       AND e.currency = %(currency)s
       AND %(money_account)s IN (e.from_account, e.to_account)
     GROUP BY e.posting_id, e.transaction_id, e.currency
), free AS (
    SELECT m.entry_id, m.minor, m.currency, p.occurred_at, t.kind, t.reference, t.gateway_reference,
           y.reference AS payment_reference,
           array_remove(
               ARRAY[t.gateway_reference, t.reference, y.reference, o.reference]
               || ARRAY(SELECT b.reference FROM bookings_booking b WHERE b.order_id = t.order_id),
               NULL)::text[] AS names
      FROM moved m
      JOIN payments_posting p ON p.id = m.posting_id
      JOIN payments_transaction t ON t.id = m.transaction_id
      JOIN payments_payment y ON y.id = t.payment_id
      JOIN bookings_order o ON o.id = t.order_id
     WHERE m.minor <> 0
       AND (%(only)s::bigint[] IS NULL OR m.entry_id = ANY(%(only)s))
       AND NOT EXISTS (SELECT FROM reconciliation_ledgerconsumed c WHERE c.entry_id = m.entry_id)
)
SELECT entry_id, minor, currency, occurred_at, kind, reference, gateway_reference, payment_reference, names
  FROM free
 ORDER BY names && %(references)s::text[] DESC, abs(minor - %(wanted)s), occurred_at, entry_id
 LIMIT %(at_most)s
