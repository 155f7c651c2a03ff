-- Payouts and what the bank received. First by name: every batch that a line names, where together they are what came;
-- then by amount and day, where there is only one of each. What a bank has is real money: where any account is live,
-- payouts of a processor's test system are not looked for there.
CREATE TEMP TABLE open_credit ON COMMIT DROP AS
SELECT l.id AS line_id, l.net_minor, l.net_currency, l.settled_at,
       ' ' || regexp_replace(concat_ws(' ', l.description, l.gateway_reference, l.our_reference),
                             '[^[:alnum:]_-]+', ' ', 'g') || ' ' AS words
  FROM reconciliation_settlementline l
 WHERE l.kind = 'BANK'
   AND l.id IN (
           SELECT id FROM reconciliation_settlementline WHERE report_id = %(report)s
            UNION ALL
           SELECT line_id FROM reconciliation_discrepancy WHERE state <> 'CLOSED' AND kind = 'UNKNOWN_CREDIT')
   AND NOT EXISTS (SELECT FROM reconciliation_match m WHERE m.line_id = l.id AND m.undone_at IS NULL);

CREATE TEMP TABLE open_payout ON COMMIT DROP AS
SELECT b.id AS batch_id, b.reference, b.currency, b.payout_minor, b.settled_at, s.bank_days
  FROM reconciliation_settlementbatch b
  JOIN reconciliation_settlementsource s ON s.id = b.source_id
  JOIN gateways_gatewayaccount a ON a.id = s.account_id
 WHERE b.state = 'BALANCED' AND b.bank_line_id IS NULL AND b.payout_minor <> 0
   AND a.environment = %(bank_environment)s;

ANALYZE open_credit;
ANALYZE open_payout;

-- A bank has much that is no payout: its words are looked up among references, and not every reference in every text.
CREATE TEMP TABLE credited ON COMMIT DROP AS
WITH word AS (
    SELECT DISTINCT line_id, net_minor, net_currency, string_to_table(btrim(words), ' ') AS word FROM open_credit
), said AS (
    SELECT w.line_id, p.batch_id, p.payout_minor, w.net_minor
      FROM word w
      JOIN open_payout p ON (p.reference, p.currency) = (w.word, w.net_currency)
     UNION ALL
    -- Few references have several words.
    SELECT c.line_id, p.batch_id, p.payout_minor, c.net_minor
      FROM open_credit c
      JOIN open_payout p ON p.currency = c.net_currency AND position(' ' || p.reference || ' ' IN c.words) > 0
     WHERE p.reference LIKE '%% %%'
)
SELECT line_id, batch_id
  FROM said
 WHERE line_id IN (SELECT line_id FROM said GROUP BY line_id, net_minor HAVING sum(payout_minor) = net_minor)
   AND batch_id NOT IN (SELECT batch_id FROM said GROUP BY batch_id HAVING count(*) > 1);

INSERT INTO credited
WITH possible AS (
    SELECT c.line_id, p.batch_id
      FROM open_credit c
      JOIN open_payout p
        ON (p.currency, p.payout_minor) = (c.net_currency, c.net_minor)
       AND abs((c.settled_at AT TIME ZONE 'UTC')::date - (p.settled_at AT TIME ZONE 'UTC')::date) <= p.bank_days
     WHERE c.line_id NOT IN (SELECT line_id FROM credited)
       AND p.batch_id NOT IN (SELECT batch_id FROM credited)
)
SELECT line_id, batch_id
  FROM possible
 WHERE line_id IN (SELECT line_id FROM possible GROUP BY line_id HAVING count(*) = 1)
   AND batch_id IN (SELECT batch_id FROM possible GROUP BY batch_id HAVING count(*) = 1);

UPDATE reconciliation_settlementbatch b
   SET bank_line_id = credited.line_id, state = 'PAID'
  FROM credited
 WHERE credited.batch_id = b.id;

INSERT INTO reconciliation_match (line_id, lead_id, rule, difference_minor, matched_by, matched_at)
SELECT DISTINCT line_id, NULL::bigint, 'BANK', 0, 'system', %(now)s FROM credited;

CREATE TEMP TABLE finding ON COMMIT DROP AS
SELECT line_id, 'UNKNOWN_CREDIT' AS kind, abs(net_minor) AS amount_minor, net_currency AS currency, settled_at
  FROM open_credit
 WHERE line_id NOT IN (SELECT line_id FROM credited)
