-- Which line takes which movement; the last three are for what is found about it, and looked up where they are NULL.
CREATE TEMP TABLE pair (
    line_id bigint NOT NULL,
    lead_line_id bigint NOT NULL,
    entry_id bigint,
    rule text NOT NULL,
    difference_minor bigint NOT NULL,
    is_same_currency boolean NOT NULL,
    gross_minor bigint,
    gross_currency text,
    settled_at timestamptz,
    is_late boolean,
    match_id bigint NOT NULL DEFAULT nextval('reconciliation_match_id_seq')
) ON COMMIT DROP;

-- One line and one movement that nobody took: nothing to decide.
INSERT INTO pair
SELECT line_id, line_id, entry_id, rule,
       CASE WHEN gross_currency = currency THEN gross_minor - amount_minor ELSE 0 END, gross_currency = currency,
       gross_minor, gross_currency, settled_at, is_late
  FROM (SELECT line_id, entry_id, rule, gross_minor, gross_currency, amount_minor, currency, settled_at, is_late
          FROM entry_of_line
         WHERE sign * amount_minor > 0
           AND line_id NOT IN (SELECT line_id FROM entangled UNION ALL SELECT line_id FROM candidate)
         UNION ALL
        SELECT line_id, entry_id, rule, gross_minor, gross_currency, amount_minor, currency, settled_at, is_late
          FROM candidate c
         WHERE NOT is_taken
           AND NOT EXISTS (
                   SELECT FROM contested x WHERE (x.transaction_id, x.sign) = (c.transaction_id, c.sign))) AS sure
 ORDER BY line_id
