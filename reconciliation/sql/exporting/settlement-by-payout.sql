-- What gateways settled, payout by payout, over the lines that were known at the watermark: gross by kind and fees in
-- the currency that is settled in, which with the payout come to the difference; and when the bank had it.
WITH
-- include: exporting/parts/matched
,
banked AS (
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
    SELECT b.id, b.reference, b.currency, a.slug AS account, a.gateway,
           b.payout_minor IS NOT NULL AND NOT EXISTS (
               SELECT FROM reconciliation_settlementline l WHERE l.batch_id = b.id AND l.kind = 'PAYOUT'
           ) AS is_payout_itself
      FROM reconciliation_settlementbatch b
      JOIN reconciliation_settlementsource s ON s.id = b.source_id
      JOIN gateways_gatewayaccount a ON a.id = s.account_id
     WHERE (a.environment = 'live') = %(is_live)s
       AND (%(since)s::timestamptz IS NULL OR b.settled_at >= %(since)s)
       AND (%(account)s::bigint IS NULL OR a.id = %(account)s)
       AND (%(currency)s::text IS NULL OR b.currency = %(currency)s)
), summed AS (
    SELECT l.batch_id, count(*) AS lines, max(l.settled_at) AS settled_at, min(l.occurred_at) AS first_at,
           max(l.occurred_at) AS last_at,
           coalesce(sum(l.net_minor + l.fee_minor) FILTER (WHERE l.kind LIKE 'CAPTURE%%'), 0)::bigint AS captures_minor,
           coalesce(sum(l.net_minor + l.fee_minor) FILTER (WHERE l.kind LIKE 'REFUND%%'), 0)::bigint AS refunds_minor,
           coalesce(sum(l.net_minor + l.fee_minor) FILTER (WHERE l.kind LIKE 'CHARGEBACK%%'), 0)::bigint
               AS chargebacks_minor,
           -sum(l.fee_minor)::bigint AS fees_minor,
           coalesce(sum(l.net_minor + l.fee_minor) FILTER (WHERE l.kind = 'RESERVE'), 0)::bigint AS reserve_minor,
           coalesce(sum(l.net_minor + l.fee_minor)
               FILTER (WHERE l.kind IN ('FEE', 'BALANCE_TRANSFER', 'PAYOUT_RETURNED', 'OTHER', 'UNKNOWN')), 0)::bigint
               AS others_minor,
           coalesce(sum(l.net_minor) FILTER (WHERE l.kind <> 'PAYOUT'), 0)::bigint AS net_minor,
           count(*) FILTER (WHERE l.kind = 'PAYOUT') AS payouts,
           coalesce(sum(l.net_minor) FILTER (WHERE l.kind = 'PAYOUT'), 0)::bigint AS paid_minor
      FROM reconciliation_settlementline l
      JOIN reconciliation_settlementreport f ON f.id = l.report_id AND f.loaded_at <= %(as_of)s
     WHERE l.batch_id IN (SELECT id FROM batch)
     GROUP BY l.batch_id
), paid AS (
    SELECT batch.*, summed.*,
           CASE WHEN payouts > 0 THEN -paid_minor WHEN is_payout_itself THEN net_minor END AS payout_minor,
           CASE WHEN payouts > 0 THEN net_minor + paid_minor ELSE 0 END AS difference_minor
      FROM batch
      JOIN summed ON summed.batch_id = batch.id
)
SELECT p.gateway, p.account, p.reference AS batch,
       CASE WHEN banked.settled_at IS NOT NULL THEN 'PAID'
            WHEN p.payout_minor IS NULL THEN 'OPEN'
            WHEN p.difference_minor <> 0 THEN 'UNBALANCED'
            ELSE 'BALANCED' END AS state,
       p.settled_at, p.first_at, p.last_at, p.lines, p.currency, p.captures_minor, p.refunds_minor,
       p.chargebacks_minor, p.reserve_minor, p.others_minor, p.fees_minor, p.net_minor, p.net_minor AS net,
       p.payout_minor, p.payout_minor AS payout, p.difference_minor, banked.settled_at AS bank_at,
       banked.net_minor AS bank_minor, p.id AS batch_number
  FROM paid p
  LEFT JOIN banked ON banked.batch_id = p.id
 WHERE (%(since)s::timestamptz IS NULL OR p.settled_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR p.settled_at < %(until)s)
