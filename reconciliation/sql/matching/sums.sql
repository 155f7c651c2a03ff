-- Several lines, several movements, or both, of one operation: they belong together where their sums are equal. The
-- first line takes every movement, the others follow it.
CREATE TEMP TABLE taking ON COMMIT DROP AS
SELECT lines.lead_line_id AS line_id, entries.entry_id, lines.transaction_id, lines.sign
  FROM (SELECT transaction_id, sign, min(line_id) AS lead_line_id, sum(gross_minor) AS gross_minor,
               min(gross_currency) AS currency, count(DISTINCT gross_currency) AS currencies
          FROM (SELECT DISTINCT transaction_id, sign, line_id, gross_minor, gross_currency FROM candidate) AS line
          JOIN contested USING (transaction_id, sign)
         GROUP BY transaction_id, sign) AS lines
  JOIN (SELECT transaction_id, sign, array_agg(entry_id) AS entry_ids, sum(amount_minor) AS amount_minor,
               min(currency) AS currency, count(DISTINCT currency) AS currencies
          FROM (SELECT DISTINCT transaction_id, sign, entry_id, amount_minor, currency
                  FROM candidate WHERE NOT is_taken) AS entry
          JOIN contested USING (transaction_id, sign)
         GROUP BY transaction_id, sign) AS moved
    ON (moved.transaction_id, moved.sign, moved.amount_minor, moved.currency, moved.currencies, lines.currencies)
     = (lines.transaction_id, lines.sign, lines.gross_minor, lines.currency, 1, 1)
 CROSS JOIN LATERAL unnest(moved.entry_ids) AS entries(entry_id);

INSERT INTO pair (line_id, lead_line_id, entry_id, rule, difference_minor, is_same_currency)
SELECT DISTINCT c.line_id, t.line_id, NULL::bigint, 'SUM', 0, true
  FROM candidate c
  JOIN taking t ON (t.transaction_id, t.sign) = (c.transaction_id, c.sign);

DELETE FROM contested x USING taking t WHERE (t.transaction_id, t.sign) = (x.transaction_id, x.sign)
