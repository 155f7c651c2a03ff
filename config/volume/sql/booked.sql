, paid AS (
    SELECT id, order_id, partner_id, is_live, row_number() OVER (ORDER BY number) - 1 AS turn, count(*) OVER () AS times
      FROM payments_payment
     ORDER BY number
     LIMIT 1000
)
SELECT md5(%(name)s || ' row ' || o.number)::uuid AS id, o.*, p.id AS payment_id, p.order_id, p.partner_id, p.is_live
  INTO TEMP TABLE booked
  FROM operation o
  JOIN paid p ON p.turn = o.number %% least(p.times, 1000)
 WHERE o.fault <> 'MISSING_HERE';

INSERT INTO payments_transaction
       (id, payment_id, order_id, account_id, kind, origin, status, amount_minor, currency, reference,
        gateway_reference, error_code, raw_code, raw_text, card_brand, card_last4, card_expiry, reason, requested_by,
        claim_number, checks_made, requested_at, decided_at)
SELECT id, payment_id, order_id, %(account)s, kind, 'GATEWAY', 'PROCESSED', amount_minor, currency,
       'tx_' || replace(id::text, '-', ''), CASE kind WHEN 'SALE' THEN payment_reference ELSE operation_reference END,
       '', '', '', '', '', '', '', '', 0, 0, occurred_at, occurred_at
  FROM booked;

INSERT INTO payments_posting (id, cause, occurred_at, posted_at, counts_at)
SELECT id, CASE kind WHEN 'REFUND' THEN 'refunded' WHEN 'CHARGEBACK' THEN 'charged_back' ELSE 'captured' END,
       occurred_at, occurred_at, occurred_at
  FROM booked;

INSERT INTO payments_ledgerentry
       (posting_id, from_account, to_account, amount_minor, currency, gateway_account_id, order_id, payment_id,
        transaction_id, partner_id, is_live)
SELECT id, CASE WHEN kind IN ('REFUND', 'CHARGEBACK') THEN 'CLEARING' ELSE 'RECEIVABLE' END,
       CASE kind WHEN 'REFUND' THEN 'RECEIVABLE' WHEN 'CHARGEBACK' THEN 'DISPUTED' ELSE 'CLEARING' END,
       amount_minor, currency, %(account)s, order_id, payment_id, id, partner_id, is_live
  FROM booked;

DROP TABLE booked
