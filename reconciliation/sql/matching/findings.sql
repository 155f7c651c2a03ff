-- Where lines and books differ: one finding of a kind for a line. Amounts are what is at stake.
CREATE TEMP TABLE finding ON COMMIT DROP AS
-- Not placed at all.
SELECT l.line_id,
       CASE WHEN EXISTS (SELECT FROM candidate c WHERE c.line_id = l.line_id) THEN 'DUPLICATE'
            WHEN EXISTS (SELECT FROM suggestion s WHERE s.line_id = l.line_id) THEN 'AMBIGUOUS'
            WHEN EXISTS (SELECT FROM named n WHERE n.line_id = l.line_id) THEN 'UNDECIDED'
            ELSE 'MISSING_HERE' END AS kind,
       abs(l.gross_minor) AS amount_minor, l.gross_currency AS currency, l.settled_at
  FROM open_line l
 WHERE NOT EXISTS (SELECT FROM pair p WHERE p.line_id = l.line_id)
 UNION ALL
-- Placed, and different.
SELECT l.line_id, CASE WHEN p.is_same_currency THEN 'AMOUNT' ELSE 'CURRENCY' END,
       CASE WHEN p.is_same_currency THEN abs(p.difference_minor) ELSE abs(l.gross_minor) END, l.gross_currency,
       l.settled_at
  FROM pair p
  JOIN open_line l ON l.line_id = p.line_id
 WHERE abs(p.difference_minor) > %(tolerance)s OR NOT p.is_same_currency
 UNION ALL
-- Placed, and later than was agreed.
SELECT l.line_id, 'LATE', abs(l.gross_minor), l.gross_currency, l.settled_at
  FROM pair p
  JOIN open_line l ON l.line_id = p.line_id
  JOIN payments_ledgerentry e ON e.id = p.entry_id
  JOIN payments_posting s ON s.id = e.posting_id
 WHERE l.settled_at > s.occurred_at + make_interval(days => %(sla_days)s)
 UNION ALL
SELECT l.id, 'UNKNOWN_TYPE', abs(l.net_minor), l.net_currency, l.settled_at
  FROM reconciliation_settlementline l
 WHERE l.report_id = %(report)s AND (l.kind = 'UNKNOWN' OR (l.kind = 'OTHER' AND l.net_minor <> 0))
 UNION ALL
-- Fees as stated are not what is missing between gross and net, or the exchange rate does not lead there. Each side is
-- rounded for itself, and a rate by its last digit.
SELECT l.id, 'FEE', greatest(1, abs(round(off.by_minor))::bigint), l.net_currency, l.settled_at
  FROM reconciliation_settlementline l
  JOIN jsonb_each_text(%(decimals)s) AS net_in(code, decimals) ON net_in.code = l.net_currency
  JOIN jsonb_each_text(%(decimals)s) AS gross_in(code, decimals) ON gross_in.code = l.gross_currency
 CROSS JOIN LATERAL (
       SELECT CASE WHEN l.stated_fee * power(10, net_in.decimals::int) - l.fee_minor
                        NOT BETWEEN -%(fee_tolerance)s AND %(fee_tolerance)s
                   THEN l.stated_fee * power(10, net_in.decimals::int) - l.fee_minor
                   WHEN l.gross_currency <> l.net_currency AND l.exchange_rate > 0
                   THEN l.gross_minor * l.exchange_rate
                        * power(10::numeric, net_in.decimals::int - gross_in.decimals::int)
                        - (l.net_minor + l.fee_minor) END) AS off(by_minor)
 WHERE l.report_id = %(report)s
   AND l.kind = ANY(%(payment_kinds)s)
   AND abs(off.by_minor) > %(fee_tolerance)s
