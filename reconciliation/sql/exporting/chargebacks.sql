-- What guests' banks took back and gave again, movement by movement, and the disputes of the period that have moved
-- nothing yet; with the stage and the deadline that were known at the watermark, and what had come of it by then.
WITH
-- include: exporting/parts/entry
,
-- include: exporting/parts/matched
,
-- What operations moved into (positive) or out of the account at the gateway, or the till: one row for what the entries
-- of one posting moved for one operation, as reconciliation matches it. Its first entry names it.
movement AS MATERIALIZED (
    SELECT min(e.id) AS id, e.transaction_id, e.payment_id, e.order_id, e.partner_id, e.account, e.gateway, e.currency,
           e.occurred_at, e.posted_at, e.counts_at,
           sum(CASE WHEN e.to_account IN ('CLEARING', 'EXTERNAL') THEN e.amount_minor ELSE -e.amount_minor END)::bigint
               AS amount_minor
      FROM entry e
      JOIN payments_transaction t ON t.id = e.transaction_id AND t.kind = 'CHARGEBACK'
     WHERE (%(since)s::timestamptz IS NULL OR e.counts_at >= %(since)s)
       AND (%(until)s::timestamptz IS NULL OR e.counts_at < %(until)s)
       AND (e.from_account IN ('CLEARING', 'EXTERNAL') OR e.to_account IN ('CLEARING', 'EXTERNAL'))
     GROUP BY e.posting_id, e.transaction_id, e.payment_id, e.order_id, e.partner_id, e.account, e.gateway, e.currency,
              e.occurred_at, e.posted_at, e.counts_at
),
dispute AS (
    SELECT d.id, d.payment_id, d.transaction_id, d.gateway_reference, d.reason, d.amount_minor, d.currency, d.opened_at,
           CASE WHEN told.stage IS NULL THEN d.stage ELSE told.stage END AS stage,
           CASE WHEN told.stage IS NULL THEN d.evidence_due_at ELSE told.evidence_due_at END AS evidence_due_at
      FROM payments_dispute d
      LEFT JOIN LATERAL (
        SELECT s.stage ->> 'stage' AS stage, (s.stage ->> 'evidence_due_at')::timestamptz AS evidence_due_at
          FROM jsonb_array_elements(d.stages) WITH ORDINALITY AS s(stage, place)
         WHERE (s.stage ->> 'recorded_at')::timestamptz <= %(as_of)s
         ORDER BY s.place DESC
         LIMIT 1
      ) AS told ON true
     WHERE d.opened_at <= %(as_of)s AND (told.stage IS NOT NULL OR d.stages = '[]')
), in_all AS (
    SELECT transaction_id,
           sum(CASE WHEN to_account IN ('CLEARING', 'EXTERNAL') THEN amount_minor ELSE -amount_minor END) AS minor
      FROM entry
     WHERE transaction_id IN (SELECT id FROM payments_transaction WHERE kind = 'CHARGEBACK')
     GROUP BY transaction_id
), happened AS (
    SELECT m.id AS movement, m.transaction_id, m.payment_id, m.order_id, m.partner_id, m.gateway, m.account, m.currency,
           m.amount_minor, m.occurred_at, m.posted_at, m.counts_at, d.id AS dispute_id,
           CASE WHEN in_all.minor < 0 THEN 'TAKEN_BACK' ELSE 'RETURNED' END AS outcome
      FROM movement m
      JOIN in_all ON in_all.transaction_id = m.transaction_id
      LEFT JOIN LATERAL (
        SELECT max(dispute.id) AS id FROM dispute WHERE dispute.transaction_id = m.transaction_id
      ) AS d ON true
     UNION ALL
    SELECT NULL, d.transaction_id, d.payment_id, p.order_id, p.partner_id, a.gateway, a.slug,
           coalesce(nullif(d.currency, ''), p.currency), 0, d.opened_at, NULL, d.opened_at, d.id, 'NOTHING_MOVED'
      FROM dispute d
      JOIN payments_payment p ON p.id = d.payment_id
      JOIN gateways_gatewayaccount a ON a.id = p.account_id
     WHERE NOT EXISTS (SELECT FROM in_all WHERE in_all.transaction_id = d.transaction_id)
       AND (p.is_live AND a.environment = 'live') = %(is_live)s
       AND (%(since)s::timestamptz IS NULL OR d.opened_at >= %(since)s)
       AND (%(until)s::timestamptz IS NULL OR d.opened_at < %(until)s)
       AND (%(account)s::bigint IS NULL OR a.id = %(account)s)
       AND (%(currency)s::text IS NULL OR coalesce(nullif(d.currency, ''), p.currency) = %(currency)s)
       AND (%(partner)s::uuid IS NULL OR p.partner_id = %(partner)s)
), about AS (
    SELECT order_id FROM happened
),
-- include: exporting/parts/trip
SELECT d.gateway_reference AS dispute, t.reference AS operation, p.reference AS payment, o.reference AS "order",
       r.slug AS partner, h.gateway, h.account, d.stage, h.outcome, d.reason, d.evidence_due_at, d.opened_at,
       trip.first_date AS service_date, trip.last_date AS last_service_date, h.occurred_at AS happened_at,
       h.posted_at AS booked_at, h.counts_at, l.settled_at, b.reference AS batch,
       h.currency, h.amount_minor, h.amount_minor AS amount, d.amount_minor AS disputed_minor, h.movement
  FROM happened h
  JOIN payments_payment p ON p.id = h.payment_id
  JOIN bookings_order o ON o.id = h.order_id
  JOIN bookings_partner r ON r.id = h.partner_id
  LEFT JOIN payments_transaction t ON t.id = h.transaction_id
  LEFT JOIN dispute d ON d.id = h.dispute_id
  LEFT JOIN trip ON trip.order_id = h.order_id
  LEFT JOIN kept ON kept.entry_id = h.movement
  LEFT JOIN released ON released.entry_id = h.movement
  LEFT JOIN reconciliation_settlementline l ON l.id = coalesce(kept.line_id, released.line_id)
  LEFT JOIN reconciliation_settlementbatch b ON b.id = l.batch_id
