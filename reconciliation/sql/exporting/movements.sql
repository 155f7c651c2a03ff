-- What operations of some kinds moved, correction by correction: one row for what the entries of one posting moved for
-- one operation into (positive) or out of the account at the gateway, or the till, as reconciliation matches it. Its
-- first entry names it. `paid_at` and `refunded_at` are both when it happened, and each report shows the one that fits.
-- Everything is joined entry by entry, which several processes share, and only then put together to movements.
WITH
-- include: exporting/parts/entry
,
-- include: exporting/parts/matched
,
moved AS MATERIALIZED (
    SELECT e.id, e.posting_id, e.transaction_id, e.order_id, t.reference AS operation, t.kind, p.reference AS payment,
           p.number AS payment_number, o.reference AS "order", r.slug AS partner, e.gateway, e.account, p.source,
           coalesce(nullif(v.gateway_reference, ''), t.gateway_reference, '') AS gateway_reference,
           t.requested_by AS asked_by, t.requested_at AS asked_at, e.occurred_at, e.posted_at, e.counts_at,
           l.settled_at, b.reference AS batch, e.currency, way.sign * e.amount_minor AS minor, way.counterpart
      FROM entry e
      JOIN payments_transaction t ON t.id = e.transaction_id AND t.kind = ANY(%(kinds)s::text[])
      JOIN payments_payment p ON p.id = e.payment_id
      JOIN bookings_order o ON o.id = e.order_id
      JOIN bookings_partner r ON r.id = e.partner_id
      LEFT JOIN payments_gatewayevent v ON v.id = e.event_id AND v.transaction_id = e.transaction_id
      -- What is settled hangs on the first entry of a movement alone.
      LEFT JOIN kept ON kept.entry_id = e.id
      LEFT JOIN released ON released.entry_id = e.id
      LEFT JOIN reconciliation_settlementline l ON l.id = coalesce(kept.line_id, released.line_id)
      LEFT JOIN reconciliation_settlementbatch b ON b.id = l.batch_id
     CROSS JOIN LATERAL (
        SELECT CASE WHEN e.to_account IN ('CLEARING', 'EXTERNAL') THEN 1 ELSE -1 END AS sign,
               CASE WHEN e.to_account IN ('CLEARING', 'EXTERNAL') THEN e.from_account ELSE e.to_account END
                   AS counterpart
     ) AS way
     WHERE (%(since)s::timestamptz IS NULL OR e.counts_at >= %(since)s)
       AND (%(until)s::timestamptz IS NULL OR e.counts_at < %(until)s)
       AND (e.from_account IN ('CLEARING', 'EXTERNAL') OR e.to_account IN ('CLEARING', 'EXTERNAL'))
),
about AS (
    SELECT order_id FROM moved
),
-- include: exporting/parts/trip
SELECT m.operation, m.kind, m.payment, m.payment_number, m."order", m.partner, m.gateway, m.account, m.source,
       m.gateway_reference, m.asked_by, m.asked_at, trip.first_date AS service_date,
       trip.last_date AS last_service_date, m.occurred_at AS paid_at, m.occurred_at AS refunded_at,
       m.posted_at AS booked_at, m.counts_at, max(m.settled_at) AS settled_at, max(m.batch) AS batch, m.currency,
       sum(m.minor)::bigint AS amount_minor, sum(m.minor)::bigint AS amount,
       coalesce(sum(m.minor) FILTER (WHERE m.counterpart = 'SURCHARGE'), 0)::bigint AS surcharge_minor,
       coalesce(sum(m.minor) FILTER (WHERE m.counterpart = 'DONATION'), 0)::bigint AS donation_minor,
       min(m.id) AS movement
  FROM moved m
  LEFT JOIN trip ON trip.order_id = m.order_id
 -- In the order of the report, so that grouping sorts as the report wants it; then what tells movements apart.
 GROUP BY m.counts_at, m.posting_id, m.operation, m.kind, m.payment, m.payment_number, m."order", m.partner, m.gateway,
          m.account, m.source, m.gateway_reference, m.asked_by, m.asked_at, trip.first_date, trip.last_date,
          m.occurred_at, m.posted_at, m.currency, m.transaction_id
