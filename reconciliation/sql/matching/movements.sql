-- What the ledger holds for the operations that are named: an entry may be all that a posting moved through the
-- gateway's account, and nearly always is.
CREATE TEMP TABLE entry_of_line ON COMMIT DROP AS
SELECT l.line_id, l.transaction_id, l.rule, l.sign, l.gross_minor, l.gross_currency, l.settled_at,
       e.id AS entry_id, e.posting_id, e.currency,
       CASE WHEN e.to_account = %(money_account)s THEN e.amount_minor ELSE -e.amount_minor END AS amount_minor,
       l.settled_at > p.occurred_at + make_interval(days => %(sla_days)s) AS is_late
  FROM (SELECT line_id, transaction_id, rule, sign, gross_minor, gross_currency, settled_at
          FROM open_line
         WHERE transaction_id IS NOT NULL
         UNION ALL
        SELECT line_id, n.transaction_id, n.rule, sign, gross_minor, gross_currency, settled_at
          FROM open_line
          JOIN named n USING (line_id)
         WHERE open_line.transaction_id IS NULL) AS l
  JOIN payments_ledgerentry e
    ON e.transaction_id = l.transaction_id AND %(money_account)s IN (e.from_account, e.to_account)
  JOIN payments_posting p ON p.id = e.posting_id;
ANALYZE entry_of_line (line_id, entry_id);

-- Lines that name an operation with more than one entry, or with more than one line.
CREATE TEMP TABLE entangled ON COMMIT DROP AS
SELECT line_id FROM entry_of_line GROUP BY line_id HAVING count(*) > 1
 UNION
SELECT line_id FROM entry_of_line
 WHERE entry_id IN (SELECT entry_id FROM entry_of_line GROUP BY entry_id HAVING count(*) > 1);
ANALYZE entangled;

-- Their movements in the direction of the line: one row for each, which is what the entries of one posting moved
-- through the gateway's account. The first entry stands for all of them. And of the other lines, those that come too
-- late.
CREATE TEMP TABLE candidate ON COMMIT DROP AS
SELECT moved.*, EXISTS (SELECT FROM reconciliation_ledgerconsumed c WHERE c.entry_id = moved.entry_id) AS is_taken
  FROM (
    SELECT line_id, sign, gross_minor, gross_currency, transaction_id, rule, currency, settled_at,
           min(entry_id) AS entry_id, sum(amount_minor) AS amount_minor, bool_or(is_late) AS is_late
      FROM entry_of_line
      JOIN entangled USING (line_id)
     GROUP BY line_id, sign, gross_minor, gross_currency, transaction_id, rule, currency, settled_at, posting_id
    HAVING sign * sum(amount_minor) > 0
  ) AS moved
 UNION ALL
SELECT line_id, sign, gross_minor, gross_currency, transaction_id, rule, currency, settled_at, entry_id, amount_minor,
       is_late, true
  FROM entry_of_line
  JOIN reconciliation_ledgerconsumed USING (entry_id)
 WHERE sign * amount_minor > 0
   AND line_id NOT IN (SELECT line_id FROM entangled);
ANALYZE candidate;

-- Operations of which there is more than one line, or more than one movement.
CREATE TEMP TABLE contested ON COMMIT DROP AS
SELECT transaction_id, sign FROM candidate GROUP BY transaction_id, sign HAVING count(*) > 1;
ANALYZE contested
