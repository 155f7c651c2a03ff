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
SELECT * FROM misstated
