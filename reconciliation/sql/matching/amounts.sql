-- What has no reference at all: by amount and day alone. Only movements that nobody took, and that no order's line may
-- be about; one line and one movement are a match, anything else is a person's. Where prices are few, there are many of
-- one amount on both sides: they are counted before any two of them meet.
CREATE TEMP TABLE priced_line ON COMMIT DROP AS
SELECT row_number() OVER () AS id, operation_kinds, gross_currency AS currency, gross_minor AS minor,
       (occurred_at AT TIME ZONE %(zone)s)::date AS day, array_agg(line_id) AS line_ids
  FROM open_line l
 WHERE transaction_id IS NULL
   AND (gateway_reference, payment_reference, our_reference, our_operation_reference) = ('', '', '', '')
   AND NOT EXISTS (SELECT FROM named n WHERE n.line_id = l.line_id)
 GROUP BY operation_kinds, gross_currency, gross_minor, (occurred_at AT TIME ZONE %(zone)s)::date;
ANALYZE priced_line;

-- Within a range there is nothing to hash by, and the planner would have every amount meet every other. OFFSET has it
-- look each of them up. What any line asks for is here for all of them, so an operation keeps its own amount, and each
-- line asks for that again.
CREATE TEMP TABLE priced_operation ON COMMIT DROP AS
WITH wanted AS (
    SELECT currency, unnest(range_agg(int8range(abs(minor) - %(tolerance)s, abs(minor) + %(tolerance)s, '[]'))) AS minor
      FROM priced_line
     GROUP BY currency
)
SELECT t.id, t.kind, t.amount_minor, wanted.currency
  FROM wanted
 CROSS JOIN LATERAL (
       SELECT id, kind, amount_minor
         FROM payments_transaction
        WHERE account_id = %(account)s
          AND currency = wanted.currency
          AND amount_minor >= lower(wanted.minor)
          AND amount_minor < upper(wanted.minor)
       OFFSET 0) AS t;
ANALYZE priced_operation;

CREATE TEMP TABLE priced_movement ON COMMIT DROP AS
WITH movement AS (
    SELECT o.kind, o.amount_minor, e.currency, (p.occurred_at AT TIME ZONE %(zone)s)::date AS day,
           min(e.id) AS entry_id,
           sum(CASE WHEN e.to_account = %(money_account)s THEN e.amount_minor ELSE -e.amount_minor END)::bigint AS minor
      FROM priced_operation o
      JOIN payments_ledgerentry e
        ON e.transaction_id = o.id AND e.currency = o.currency AND %(money_account)s IN (e.from_account, e.to_account)
      JOIN payments_posting p ON p.id = e.posting_id
     GROUP BY o.id, o.kind, o.amount_minor, e.currency, p.id
)
SELECT row_number() OVER () AS id, kind, amount_minor, currency, minor, day, count(*) AS movements,
       min(entry_id) AS entry_id,
       bool_or(EXISTS (SELECT FROM suggestion s WHERE s.entry_id = m.entry_id)) AS is_suggested
  FROM movement m
 WHERE NOT EXISTS (SELECT FROM reconciliation_ledgerconsumed c WHERE c.entry_id = m.entry_id)
   AND NOT EXISTS (SELECT FROM pair WHERE pair.entry_id = m.entry_id)
   AND NOT EXISTS (SELECT FROM taking WHERE taking.entry_id = m.entry_id)
 GROUP BY kind, amount_minor, currency, minor, day;
CREATE INDEX ON priced_movement (currency, minor, day);
ANALYZE priced_movement;

WITH met AS MATERIALIZED (
    SELECT l.line_ids, l.minor - m.minor AS difference_minor, m.entry_id, m.is_suggested,
           sum(m.movements) OVER (PARTITION BY l.id) AS movements,
           sum(cardinality(l.line_ids)) OVER (PARTITION BY m.id) AS lines
      FROM priced_line l
     CROSS JOIN LATERAL (
           SELECT *
             FROM priced_movement
            WHERE currency = l.currency
              AND minor BETWEEN l.minor - %(tolerance)s AND l.minor + %(tolerance)s
              AND amount_minor BETWEEN abs(l.minor) - %(tolerance)s AND abs(l.minor) + %(tolerance)s
              AND day BETWEEN l.day - %(window_days)s AND l.day + %(window_days)s
              AND kind = ANY(l.operation_kinds)
           OFFSET 0) AS m
), found AS (
    INSERT INTO pair
    SELECT line_ids[1], line_ids[1], entry_id, 'AMOUNT', difference_minor, true
      FROM met
     WHERE movements = 1 AND lines = 1 AND NOT is_suggested
)
INSERT INTO suggestion (line_id) SELECT DISTINCT unnest(line_ids) FROM met
