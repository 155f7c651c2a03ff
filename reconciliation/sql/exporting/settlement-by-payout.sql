-- What gateways settled, payout by payout, over the lines that were known at the watermark: gross by kind and fees in
-- the currency that is settled in, which with the payout come to the difference; and when the bank had it. What a batch
-- got after its month was closed is a row of its own, which says by how much the batch is another since.
WITH
-- include: exporting/parts/matched
,
-- include: exporting/parts/file
,
standing AS MATERIALIZED (
    SELECT ends_at
      FROM payments_closedperiod
     WHERE closed_at <= %(as_of)s AND (reopened_at IS NULL OR reopened_at > %(as_of)s)
), banked AS (
    SELECT b.id AS batch_id, l.net_minor, l.settled_at
      FROM reconciliation_settlementbatch b
      JOIN reconciliation_settlementline l ON l.id = b.bank_line_id
      JOIN matched ON matched.line_id = l.id
     UNION ALL
    SELECT released.batch_id, l.net_minor, l.settled_at
      FROM reconciliation_match m
     CROSS JOIN LATERAL unnest(m.released_batch_ids) AS released(batch_id)
      JOIN reconciliation_settlementline l ON l.id = m.line_id
     WHERE m.matched_at <= %(as_of)s AND m.undone_at > %(as_of)s
), batch AS (
    SELECT b.id, b.reference, b.currency, a.slug AS account, a.gateway
      FROM reconciliation_settlementbatch b
      JOIN reconciliation_settlementsource s ON s.id = b.source_id
      JOIN gateways_gatewayaccount a ON a.id = s.account_id
     WHERE (a.environment = 'live') = %(is_live)s
       AND (%(since)s::timestamptz IS NULL OR b.settled_at >= %(since)s
            -- What was taken back may have been settled later than what stands.
            OR b.id IN (SELECT l.batch_id
                          FROM reconciliation_supersededline gone
                          JOIN reconciliation_settlementline l ON l.id = gone.line_id
                         WHERE l.settled_at >= %(since)s)
            OR b.id IN (SELECT l.batch_id
                          FROM file
                          JOIN reconciliation_settlementline l ON l.report_id = file.id
                         WHERE file.open_from >= %(since)s))
       AND (%(account)s::bigint IS NULL OR a.id = %(account)s)
       AND (%(currency)s::text IS NULL OR b.currency = %(currency)s)
), told AS (
    SELECT l.batch_id, file.open_from, count(*) AS lines, max(l.settled_at) AS settled_at,
           min(l.occurred_at) AS first_at, max(l.occurred_at) AS last_at,
           coalesce(sum(l.net_minor + l.fee_minor) FILTER (WHERE l.kind LIKE 'CAPTURE%%'), 0) AS captures_minor,
           coalesce(sum(l.net_minor + l.fee_minor) FILTER (WHERE l.kind LIKE 'REFUND%%'), 0) AS refunds_minor,
           coalesce(sum(l.net_minor + l.fee_minor) FILTER (WHERE l.kind LIKE 'CHARGEBACK%%'), 0) AS chargebacks_minor,
           -sum(l.fee_minor) AS fees_minor,
           coalesce(sum(l.net_minor + l.fee_minor) FILTER (WHERE l.kind = 'RESERVE'), 0) AS reserve_minor,
           coalesce(sum(l.net_minor + l.fee_minor)
               FILTER (WHERE l.kind IN ('FEE', 'BALANCE_TRANSFER', 'PAYOUT_RETURNED', 'OTHER', 'UNKNOWN')), 0)
               AS others_minor,
           coalesce(sum(l.net_minor) FILTER (WHERE l.kind <> 'PAYOUT'), 0) AS net_minor,
           count(*) FILTER (WHERE l.kind = 'PAYOUT') AS payouts,
           coalesce(sum(l.net_minor) FILTER (WHERE l.kind = 'PAYOUT'), 0) AS paid_minor,
           bool_or(file.batch_is_payout) AS is_payout_itself
      FROM reconciliation_settlementline l
      JOIN file ON file.id = l.report_id
     WHERE l.batch_id IN (SELECT id FROM batch)
     GROUP BY l.batch_id, file.open_from
), stood AS (
    -- How the batch stood with each of these, over all that had been told by then.
    SELECT told.*, greatest(max(settled_at) OVER so_far, open_from) AS counts_at,
           max(settled_at) OVER so_far AS settled_by_then, sum(net_minor) OVER so_far AS net_by_then,
           sum(paid_minor) OVER so_far AS paid_by_then, sum(payouts) OVER so_far AS payouts_by_then,
           bool_or(is_payout_itself) OVER so_far AS is_payout_by_then
      FROM told
    WINDOW so_far AS (PARTITION BY batch_id ORDER BY open_from NULLS FIRST)
), summed AS (
    -- What counts in one closed month, or in none yet, is one row.
    SELECT batch_id, max(counts_at) AS counts_at, max(settled_by_then) AS settled_at, min(first_at) AS first_at,
           max(last_at) AS last_at, sum(lines)::bigint AS lines, sum(captures_minor)::bigint AS captures_minor,
           sum(refunds_minor)::bigint AS refunds_minor, sum(chargebacks_minor)::bigint AS chargebacks_minor,
           sum(fees_minor)::bigint AS fees_minor, sum(reserve_minor)::bigint AS reserve_minor,
           sum(others_minor)::bigint AS others_minor, sum(net_minor)::bigint AS net_minor,
           (array_agg(net_by_then ORDER BY open_from DESC NULLS LAST))[1]::bigint AS net_by_then,
           (array_agg(paid_by_then ORDER BY open_from DESC NULLS LAST))[1]::bigint AS paid_by_then,
           max(payouts_by_then) AS payouts_by_then, bool_or(is_payout_by_then) AS is_payout_by_then
      FROM stood
     GROUP BY batch_id, (SELECT min(ends_at) FROM standing WHERE ends_at > stood.counts_at)
), paid AS (
    SELECT batch.*, summed.*,
           CASE WHEN payouts_by_then > 0 THEN -paid_by_then WHEN is_payout_by_then THEN net_by_then END
               AS payout_by_then,
           CASE WHEN payouts_by_then > 0 THEN net_by_then + paid_by_then ELSE 0 END AS difference_by_then
      FROM batch
      JOIN summed ON summed.batch_id = batch.id
), added AS (
    SELECT paid.*, payout_by_then - coalesce(lag(payout_by_then) OVER before, 0) AS payout_minor,
           difference_by_then - coalesce(lag(difference_by_then) OVER before, 0) AS difference_minor
      FROM paid
    WINDOW before AS (PARTITION BY id ORDER BY counts_at)
)
SELECT p.gateway, p.account, p.reference AS batch,
       CASE WHEN banked.settled_at IS NOT NULL THEN 'PAID'
            WHEN p.payout_by_then IS NULL THEN 'OPEN'
            WHEN p.difference_by_then <> 0 THEN 'UNBALANCED'
            ELSE 'BALANCED' END AS state,
       p.settled_at, p.counts_at, p.first_at, p.last_at, p.lines, p.currency, p.captures_minor, p.refunds_minor,
       p.chargebacks_minor, p.reserve_minor, p.others_minor, p.fees_minor, p.net_minor, p.net_minor AS net,
       p.payout_minor, p.payout_minor AS payout, p.difference_minor, banked.settled_at AS bank_at,
       banked.net_minor AS bank_minor, p.id AS batch_number
  FROM added p
  LEFT JOIN banked ON banked.batch_id = p.id
 WHERE (%(since)s::timestamptz IS NULL OR p.counts_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR p.counts_at < %(until)s)
