-- include: exporting/parts/former
,
-- Departures of the orders that the report is `about`, as they were booked at the watermark.
trip AS (
    SELECT b.order_id, min(v.local_date) AS first_date, max(v.local_date) AS last_date
      FROM bookings_booking b
      LEFT JOIN former f ON f.booking_id = b.id
      JOIN bookings_availability v ON v.id = CASE WHEN f.id IS NULL THEN b.availability_id ELSE f.availability_id END
     WHERE b.order_id IN (SELECT order_id FROM about)
       AND b.created_at <= %(as_of)s
     GROUP BY b.order_id
)
