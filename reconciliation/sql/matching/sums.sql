-- Several lines, several movements, or both, of one operation: they belong together where their sums are equal. The
-- first line takes every movement, the others follow it.
CREATE TEMP TABLE line_sum ON COMMIT DROP AS
SELECT transaction_id, sign, min(line_id) AS lead_line_id, sum(gross_minor) AS minor, min(gross_currency) AS currency
  FROM (SELECT DISTINCT transaction_id, sign, line_id, gross_minor, gross_currency FROM candidate) AS line
  JOIN contested USING (transaction_id, sign)
 GROUP BY transaction_id, sign
HAVING count(DISTINCT gross_currency) = 1;
ANALYZE line_sum;

CREATE TEMP TABLE movement_sum ON COMMIT DROP AS
SELECT transaction_id, sign, array_agg(entry_id) AS entry_ids, sum(amount_minor) AS minor, min(currency) AS currency
  FROM (SELECT DISTINCT transaction_id, sign, entry_id, amount_minor, currency
          FROM candidate WHERE NOT is_taken) AS entry
  JOIN contested USING (transaction_id, sign)
 GROUP BY transaction_id, sign
HAVING count(DISTINCT currency) = 1;
ANALYZE movement_sum;

CREATE TEMP TABLE taking ON COMMIT DROP AS
SELECT l.lead_line_id AS line_id, entries.entry_id, l.transaction_id, l.sign
  FROM line_sum l
  JOIN movement_sum m
    ON (m.transaction_id, m.sign, m.minor, m.currency) = (l.transaction_id, l.sign, l.minor, l.currency)
 CROSS JOIN LATERAL unnest(m.entry_ids) AS entries(entry_id);

INSERT INTO pair (line_id, lead_line_id, entry_id, rule, difference_minor, is_same_currency)
SELECT DISTINCT c.line_id, t.line_id, NULL::bigint, 'SUM', 0, true
  FROM candidate c
  JOIN taking t ON (t.transaction_id, t.sign) = (c.transaction_id, c.sign);

DELETE FROM contested x USING taking t WHERE (t.transaction_id, t.sign) = (x.transaction_id, x.sign)
