-- What is wrong with lines by themselves. It is looked for apart from what is found about their places: whoever reads
-- permanent tables alone reads them in several processes.
CREATE TEMP TABLE misstated ON COMMIT DROP AS
SELECT l.id AS line_id, 'UNKNOWN_TYPE' AS kind, abs(l.net_minor) AS amount_minor, l.net_currency AS currency,
       l.settled_at
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
   AND abs(off.by_minor) > %(fee_tolerance)s;

-- What takes back a line of an earlier file is as wrong as that was.
DELETE FROM misstated WHERE line_id IN (SELECT taken_back_by_id FROM reconciliation_supersededline)
