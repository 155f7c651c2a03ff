-- The ledger as the operator's books take it: two lines for each transfer, one side each, under the codes that were
-- recorded by the watermark. Debits and credits of a posting are equal in each currency, by construction.
WITH
-- include: exporting/parts/entry
,
code AS (
    SELECT DISTINCT ON (ledger_account, gateway_account_id) ledger_account, gateway_account_id, code, name
      FROM reconciliation_accountcode
     WHERE recorded_at <= %(as_of)s
     ORDER BY ledger_account, gateway_account_id, id DESC
), about AS (
    SELECT order_id FROM entry
     WHERE (%(since)s::timestamptz IS NULL OR counts_at >= %(since)s)
       AND (%(until)s::timestamptz IS NULL OR counts_at < %(until)s)
       AND order_id IS NOT NULL
),
-- include: exporting/parts/trip
SELECT e.counts_at, e.occurred_at AS happened_at, e.posted_at AS booked_at, e.posting_id::text AS posting, e.cause,
       e.id AS entry, side.name AS side, side.account AS ledger_account,
       coalesce(own.code, house.code, side.account) AS account_code,
       coalesce(own.name, house.name, '') AS account_name, e.currency, side.debit_minor, side.credit_minor,
       side.debit_minor AS debit, side.credit_minor AS credit, e.account, r.slug AS partner, o.reference AS "order",
       p.reference AS payment, t.reference AS operation, trip.first_date AS service_date, b.reference AS batch
  FROM entry e
 CROSS JOIN LATERAL (
    VALUES ('DEBIT', e.to_account, e.amount_minor, 0::bigint), ('CREDIT', e.from_account, 0::bigint, e.amount_minor)
 ) AS side(name, account, debit_minor, credit_minor)
  LEFT JOIN code own ON own.ledger_account = side.account AND own.gateway_account_id = e.gateway_account_id
  LEFT JOIN code house ON house.ledger_account = side.account AND house.gateway_account_id IS NULL
  LEFT JOIN bookings_order o ON o.id = e.order_id
  LEFT JOIN bookings_partner r ON r.id = e.partner_id
  LEFT JOIN payments_payment p ON p.id = e.payment_id
  LEFT JOIN payments_transaction t ON t.id = e.transaction_id
  LEFT JOIN trip ON trip.order_id = e.order_id
  LEFT JOIN reconciliation_batchposting bp ON bp.posting_id = e.posting_id
  LEFT JOIN reconciliation_settlementbatch b ON b.id = bp.batch_id
 WHERE (%(since)s::timestamptz IS NULL OR e.counts_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR e.counts_at < %(until)s)
