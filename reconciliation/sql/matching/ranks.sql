-- What is still contested: a line takes a movement of its very amount, first come first served; what is left is paired
-- in the same order and differs. A line that finds nothing left was settled before.
INSERT INTO pair
WITH line AS (
    SELECT transaction_id, sign, line_id, gross_minor, gross_currency, min(rule) AS rule,
           row_number() OVER (PARTITION BY transaction_id, sign, gross_minor, gross_currency ORDER BY line_id) AS turn
      FROM candidate JOIN contested USING (transaction_id, sign)
     GROUP BY transaction_id, sign, line_id, gross_minor, gross_currency
), entry AS (
    SELECT transaction_id, sign, entry_id, amount_minor, currency,
           row_number() OVER (PARTITION BY transaction_id, sign, amount_minor, currency ORDER BY entry_id) AS turn
      FROM candidate JOIN contested USING (transaction_id, sign)
     WHERE NOT is_taken
     GROUP BY transaction_id, sign, entry_id, amount_minor, currency
), equal AS (
    SELECT line.line_id, entry.entry_id, line.rule
      FROM line
      JOIN entry
        ON (entry.transaction_id, entry.sign, entry.amount_minor, entry.currency, entry.turn)
         = (line.transaction_id, line.sign, line.gross_minor, line.gross_currency, line.turn)
), line_left AS (
    SELECT *, row_number() OVER (PARTITION BY transaction_id, sign ORDER BY line_id) AS turn_left
      FROM line WHERE NOT EXISTS (SELECT FROM equal WHERE equal.line_id = line.line_id)
), entry_left AS (
    SELECT *, row_number() OVER (PARTITION BY transaction_id, sign ORDER BY entry_id) AS turn_left
      FROM entry WHERE NOT EXISTS (SELECT FROM equal WHERE equal.entry_id = entry.entry_id)
)
SELECT line_id, line_id, entry_id, rule, 0, true FROM equal
 UNION ALL
SELECT l.line_id, l.line_id, e.entry_id, l.rule,
       CASE WHEN l.gross_currency = e.currency THEN l.gross_minor - e.amount_minor ELSE 0 END,
       l.gross_currency = e.currency
  FROM line_left l
  JOIN entry_left e ON (e.transaction_id, e.sign, e.turn_left) = (l.transaction_id, l.sign, l.turn_left)
