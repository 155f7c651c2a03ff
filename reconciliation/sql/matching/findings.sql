-- Where lines and books differ: one finding of a kind for a line. Amounts are what is at stake.
CREATE TEMP TABLE finding ON COMMIT DROP AS
WITH placed AS (
    SELECT line_id, difference_minor, is_same_currency, gross_minor, gross_currency, settled_at, is_late
      FROM pair
     WHERE gross_minor IS NOT NULL AND (is_late OR difference_minor <> 0 OR NOT is_same_currency)
     UNION ALL
    SELECT line_id, p.difference_minor, p.is_same_currency, l.gross_minor, l.gross_currency, l.settled_at,
           l.settled_at > s.occurred_at + make_interval(days => %(sla_days)s)
      FROM pair p
      JOIN open_line l USING (line_id)
      LEFT JOIN payments_ledgerentry e ON e.id = p.entry_id
      LEFT JOIN payments_posting s ON s.id = e.posting_id
     WHERE p.gross_minor IS NULL
)
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
SELECT line_id, CASE WHEN is_same_currency THEN 'AMOUNT' ELSE 'CURRENCY' END,
       CASE WHEN is_same_currency THEN abs(difference_minor) ELSE abs(gross_minor) END, gross_currency, settled_at
  FROM placed
 WHERE abs(difference_minor) > %(tolerance)s OR NOT is_same_currency
 UNION ALL
-- Placed, and later than was agreed.
SELECT line_id, 'LATE', abs(gross_minor), gross_currency, settled_at FROM placed WHERE is_late
 UNION ALL
SELECT l.id, 'UNKNOWN_TYPE', abs(l.net_minor), l.net_currency, l.settled_at
  FROM reconciliation_settlementline l
 WHERE l.report_id = %(report)s AND (l.kind = 'UNKNOWN' OR (l.kind = 'OTHER' AND l.net_minor <> 0))
 UNION ALL
-- Fees as stated are not what is missing between gross and net, or the exchange rate does not lead there. Each side is
-- rounded for itself, and a rate by its last digit.
SELECT l.id, 'FEE', greatest(1, abs(round(off.by_minor))::bigint), l.net_currency, l.settled_at
  FROM reconciliation_settlementline l
  JOIN unnest(%(currencies)s::text[], %(minor_units)s::numeric[]) AS net_in(code, minor_units)
    ON net_in.code = l.net_currency
  JOIN unnest(%(currencies)s::text[], %(minor_units)s::numeric[]) AS gross_in(code, minor_units)
    ON gross_in.code = l.gross_currency
 CROSS JOIN LATERAL (
       SELECT CASE WHEN l.stated_fee * net_in.minor_units - l.fee_minor
                        NOT BETWEEN -%(fee_tolerance)s AND %(fee_tolerance)s
                   THEN l.stated_fee * net_in.minor_units - l.fee_minor
                   WHEN l.gross_currency <> l.net_currency AND l.exchange_rate > 0
                   THEN l.gross_minor * l.exchange_rate * net_in.minor_units / gross_in.minor_units
                        - (l.net_minor + l.fee_minor) END) AS off(by_minor)
 WHERE l.report_id = %(report)s
   AND l.kind = ANY(%(payment_kinds)s)
   AND abs(off.by_minor) > %(fee_tolerance)s
