-- Whose money it is: what was paid and not given back, by the month in which its trip departs, and what is owed to
-- holders of gifts and as guests' credit. Over all rows of a currency it is what the ledger holds for them: RECEIVABLE,
-- GIFT_SALES, TOP_UPS, DISPUTED, GIFT_LIABILITY and CUSTOMER_CREDIT together, the other way round.
WITH
-- include: exporting/parts/entry
,
held AS (
    SELECT e.order_id, e.currency, side.purpose, sum(side.sign * e.amount_minor)::bigint AS minor
      FROM entry e
     CROSS JOIN LATERAL (
        SELECT CASE way.account WHEN 'GIFT_LIABILITY' THEN 'GIFT' WHEN 'CUSTOMER_CREDIT' THEN 'CREDIT' ELSE 'TRIP' END
                   AS purpose, way.sign
          FROM (VALUES (e.from_account, 1), (e.to_account, -1)) AS way(account, sign)
         WHERE way.account IN (
            'RECEIVABLE', 'GIFT_SALES', 'TOP_UPS', 'DISPUTED', 'GIFT_LIABILITY', 'CUSTOMER_CREDIT')
     ) AS side
     GROUP BY e.order_id, e.currency, side.purpose
    HAVING sum(side.sign * e.amount_minor) <> 0
),
-- include: exporting/parts/former
,
booked AS (
    SELECT b.id, b.order_id,
           CASE WHEN f.id IS NULL THEN b.availability_id ELSE f.availability_id END AS availability_id,
           CASE WHEN f.id IS NULL THEN b.retail_minor ELSE f.retail_minor END AS retail_minor,
           CASE WHEN f.id IS NULL THEN b.cancelled_at ELSE f.cancelled_at END AS cancelled_at
      FROM bookings_booking b
      LEFT JOIN former f ON f.booking_id = b.id
     WHERE b.order_id IN (SELECT order_id FROM held WHERE purpose = 'TRIP')
       AND b.created_at <= %(as_of)s
), live AS (
    -- An order's money is shared out over its bookings by their prices, or evenly where none has one: each has what is
    -- due to all up to it less what the ones before have, so that not a minor unit is lost.
    SELECT b.id, b.order_id, b.availability_id, b.retail_minor + free.evenly AS weight,
           sum(b.retail_minor + free.evenly) OVER (PARTITION BY b.order_id ORDER BY b.id) AS through,
           sum(b.retail_minor + free.evenly) OVER (PARTITION BY b.order_id) AS in_all
      FROM booked b
      JOIN (SELECT order_id, (max(retail_minor) = 0)::int AS evenly
              FROM booked WHERE cancelled_at IS NULL OR cancelled_at > %(as_of)s GROUP BY order_id) AS free
        ON free.order_id = b.order_id
     WHERE b.cancelled_at IS NULL OR b.cancelled_at > %(as_of)s
), shared AS (
    SELECT h.order_id, h.currency,
           CASE WHEN h.purpose <> 'TRIP' THEN h.purpose
                WHEN l.id IS NOT NULL AND v.id IS NULL THEN 'NO_DATE'
                WHEN v.starts_at > %(as_of)s THEN 'NOT_YET_RUN'
                WHEN l.id IS NOT NULL THEN 'RUN'
                WHEN h.order_id IN (SELECT order_id FROM booked) THEN 'CANCELLED'
                ELSE 'NO_TRIP' END AS held_for,
           CASE WHEN v.id IS NULL THEN '' ELSE to_char(v.local_date, 'YYYY-MM') END AS departure_month,
           CASE WHEN l.id IS NULL THEN h.minor
                ELSE floor(h.minor * l.through / l.in_all) - floor(h.minor * (l.through - l.weight) / l.in_all) END
               AS minor,
           l.id AS booking_id
      FROM held h
      LEFT JOIN live l ON l.order_id = h.order_id AND h.purpose = 'TRIP'
      LEFT JOIN bookings_availability v ON v.id = l.availability_id
)
SELECT held_for, departure_month, currency, count(DISTINCT order_id) AS orders, count(booking_id) AS bookings,
       sum(minor)::bigint AS held_minor, sum(minor)::bigint AS held
  FROM shared
 GROUP BY held_for, departure_month, currency
HAVING sum(minor) <> 0
