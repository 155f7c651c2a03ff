-- One line and one movement: nothing to decide.
CREATE TEMP TABLE pair ON COMMIT DROP AS
SELECT line_id, line_id AS lead_line_id, entry_id, rule,
       CASE WHEN gross_currency = currency THEN gross_minor - amount_minor ELSE 0 END AS difference_minor,
       gross_currency = currency AS is_same_currency
  FROM candidate c
 WHERE NOT is_taken
   AND NOT EXISTS (SELECT FROM contested x WHERE (x.transaction_id, x.sign) = (c.transaction_id, c.sign))
