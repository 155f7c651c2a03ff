-- Bookings that were changed since the watermark, as they were then.
former AS NOT MATERIALIZED (
    SELECT DISTINCT ON (booking_id) booking_id, id, availability_id, retail_minor, cancelled_at
      FROM bookings_formerbooking
     WHERE replaced_at > %(as_of)s
     ORDER BY booking_id, replaced_at, id
)
