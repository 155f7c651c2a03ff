-- What the ledger holds for the operations that are named, in the direction of the line: one row for each movement,
-- which is what the entries of one posting moved through the gateway's account. The first entry stands for all of them.
ANALYZE named;

CREATE TEMP TABLE candidate ON COMMIT DROP AS
SELECT moved.*, EXISTS (SELECT FROM reconciliation_ledgerconsumed c WHERE c.entry_id = moved.entry_id) AS is_taken
  FROM (
    SELECT l.line_id, l.sign, l.gross_minor, l.gross_currency, n.transaction_id, n.rule, e.currency,
           min(e.id) AS entry_id,
           sum(CASE WHEN e.to_account = %(money_account)s THEN e.amount_minor ELSE -e.amount_minor END) AS amount_minor
      FROM named n
      JOIN open_line l ON l.line_id = n.line_id
      JOIN payments_ledgerentry e
        ON e.transaction_id = n.transaction_id AND %(money_account)s IN (e.from_account, e.to_account)
     GROUP BY l.line_id, l.sign, l.gross_minor, l.gross_currency, n.transaction_id, n.rule, e.posting_id, e.currency
    HAVING l.sign * sum(CASE WHEN e.to_account = %(money_account)s THEN e.amount_minor ELSE -e.amount_minor END) > 0
  ) AS moved;
ANALYZE candidate;

-- Operations of which there is more than one line, or more than one movement.
CREATE TEMP TABLE contested ON COMMIT DROP AS
SELECT transaction_id, sign FROM candidate GROUP BY transaction_id, sign HAVING count(*) > 1
