-- What happened in a month that was closed and was booked after its closing: by which the books of that month would be
-- others now. It counts in the first open month.
WITH
-- include: exporting/parts/entry
,
closing AS (
    SELECT c.month, c.starts_at, c.ends_at, c.watermark, c.closed_at
      FROM payments_closedperiod c
     WHERE c.closed_at <= %(as_of)s AND (c.reopened_at IS NULL OR c.reopened_at > %(as_of)s)
       AND (%(since)s::timestamptz IS NULL OR c.ends_at > %(since)s)
       AND (%(until)s::timestamptz IS NULL OR c.starts_at < %(until)s)
), changed AS (
    SELECT e.*, c.month, c.closed_at
      FROM closing c
      JOIN entry e ON e.occurred_at >= c.starts_at AND e.occurred_at < c.ends_at AND e.id > c.watermark
     WHERE (%(since)s::timestamptz IS NULL OR e.occurred_at >= %(since)s)
       AND (%(until)s::timestamptz IS NULL OR e.occurred_at < %(until)s)
), about AS (
    SELECT order_id FROM changed WHERE order_id IS NOT NULL
),
-- include: exporting/parts/trip
SELECT e.month AS closed_month, e.closed_at, e.occurred_at AS happened_at, e.posted_at AS booked_at, e.counts_at,
       e.posting_id::text AS posting, e.cause, e.id AS entry, e.from_account, e.to_account, e.currency, e.amount_minor,
       e.amount_minor AS amount, e.account, r.slug AS partner, o.reference AS "order", p.reference AS payment,
       t.reference AS operation, t.kind, trip.first_date AS service_date
  FROM changed e
  LEFT JOIN bookings_order o ON o.id = e.order_id
  LEFT JOIN bookings_partner r ON r.id = e.partner_id
  LEFT JOIN payments_payment p ON p.id = e.payment_id
  LEFT JOIN payments_transaction t ON t.id = e.transaction_id
  LEFT JOIN trip ON trip.order_id = e.order_id
