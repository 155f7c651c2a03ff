-- What a file gives and takes back of an operation that moved nothing here: a refund that failed may be told as two
-- lines, while we never booked it. It came to nothing on both sides.
INSERT INTO pair
SELECT line_id, lead_line_id, NULL::bigint, 'SUM', 0, true
  FROM (SELECT line_id, min(line_id) OVER operation AS lead_line_id, count(*) OVER operation AS lines,
               sum(gross_minor) OVER operation AS gross_minor,
               min(gross_currency) OVER operation = max(gross_currency) OVER operation AS is_one_currency
          FROM named
          JOIN open_line USING (line_id)
         WHERE NOT EXISTS (SELECT FROM entry_of_line e WHERE e.line_id = named.line_id)
        WINDOW operation AS (PARTITION BY named.transaction_id)) AS unmoved
 WHERE lines > 1 AND gross_minor = 0 AND is_one_currency
