-- What operations of some kinds moved, correction by correction; `paid_at` and `refunded_at` are both when it happened,
-- and each report shows the one that fits.
WITH
-- include: exporting/parts/entry
,
-- include: exporting/parts/matched
,
-- include: exporting/parts/movement
,
about AS (
    SELECT order_id FROM movement
),
-- include: exporting/parts/trip
SELECT t.reference AS operation, t.kind, p.reference AS payment, p.number AS payment_number, o.reference AS "order",
       r.slug AS partner, m.gateway, m.account, p.source,
       coalesce(nullif(v.gateway_reference, ''), t.gateway_reference, '') AS gateway_reference,
       t.requested_by AS asked_by, t.requested_at AS asked_at,
       trip.first_date AS service_date, trip.last_date AS last_service_date,
       m.occurred_at AS paid_at, m.occurred_at AS refunded_at, m.posted_at AS booked_at, m.counts_at,
       l.settled_at, b.reference AS batch,
       m.currency, m.amount_minor, m.amount_minor AS amount, m.surcharge_minor, m.donation_minor, m.id AS movement
  FROM movement m
  JOIN payments_transaction t ON t.id = m.transaction_id
  JOIN payments_payment p ON p.id = m.payment_id
  JOIN bookings_order o ON o.id = m.order_id
  JOIN bookings_partner r ON r.id = m.partner_id
  LEFT JOIN payments_gatewayevent v ON v.id = m.event_id AND v.transaction_id = m.transaction_id
  LEFT JOIN trip ON trip.order_id = m.order_id
  LEFT JOIN kept ON kept.entry_id = m.id
  LEFT JOIN released ON released.entry_id = m.id
  LEFT JOIN reconciliation_settlementline l ON l.id = coalesce(kept.line_id, released.line_id)
  LEFT JOIN reconciliation_settlementbatch b ON b.id = l.batch_id
