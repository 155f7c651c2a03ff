-- Nearly every line names one movement of its very amount that no other line names and nobody took: nothing to decide.
-- These are found by one join over the whole file. It works on a table of its own, in as many processes as there are
-- (temporary tables are read by one), and is told of by the lines alone that have just been loaded: nobody can have
-- matched or closed them. Whatever is not sure goes the careful way, and finds what is not taken by then.
CREATE UNLOGGED TABLE reconciliation_sure_$report AS
WITH line AS NOT MATERIALIZED (
    SELECT id, kind, gateway_reference, payment_reference, gross_minor, gross_currency, settled_at
      FROM reconciliation_settlementline
     WHERE report_id = %(report)s AND kind = ANY(%(payment_kinds)s)
), name AS NOT MATERIALIZED (
    SELECT id, kind, key, rule, gross_minor, gross_currency, settled_at
      FROM line
     CROSS JOIN LATERAL (VALUES ('OPERATION', gateway_reference), ('PAYMENT', payment_reference)) AS name(rule, key)
     WHERE key <> ''
       AND (rule = 'OPERATION' OR (kind LIKE 'CAPTURE%%' AND key <> gateway_reference))
), too_late AS (
    -- No line of the file is late but of what was posted before this; which is few, and has to be known as few.
    SELECT id, occurred_at
      FROM payments_posting
     WHERE occurred_at < %(last_settled_at)s::timestamptz - make_interval(days => %(sla_days)s)
)
SELECT n.id AS line_id, t.id AS transaction_id, n.rule, e.id AS entry_id,
       coalesce(n.gross_currency = e.currency
                AND n.gross_minor = CASE WHEN e.to_account = %(money_account)s THEN e.amount_minor
                                         ELSE -e.amount_minor END
                AND (n.gross_minor > 0)
                  = (n.kind IN ('CAPTURE', 'CAPTURE_REVERSED', 'REFUND_REVERSED', 'CHARGEBACK_REVERSED'))
                AND n.gross_minor <> 0
                AND c.entry_id IS NULL
                AND (p.id IS NULL OR n.settled_at <= p.occurred_at + make_interval(days => %(sla_days)s)),
                false) AS is_sure
  FROM name n
  JOIN payments_transaction t
    ON t.account_id = %(account)s
   AND t.gateway_reference = n.key
   AND CASE WHEN n.rule = 'PAYMENT' THEN t.kind = 'SALE'
            WHEN n.kind LIKE 'CAPTURE%%' THEN t.kind IN ('SALE', 'CAPTURE')
            WHEN n.kind LIKE 'REFUND%%' THEN t.kind = 'REFUND'
            ELSE t.kind = 'CHARGEBACK' END
  LEFT JOIN payments_ledgerentry e
    ON e.transaction_id = t.id AND %(money_account)s IN (e.from_account, e.to_account)
  LEFT JOIN too_late p ON p.id = e.posting_id
  LEFT JOIN reconciliation_ledgerconsumed c ON c.entry_id = e.id;

ANALYZE reconciliation_sure_$report (line_id, entry_id);

-- Lines that name more than one movement or operation, and movements that more than one line names.
CREATE TEMP TABLE several ON COMMIT DROP AS
SELECT line_id FROM reconciliation_sure_$report GROUP BY line_id HAVING count(*) > 1;
INSERT INTO several
WITH contended AS MATERIALIZED (
    SELECT entry_id FROM reconciliation_sure_$report GROUP BY entry_id HAVING count(*) > 1
)
SELECT line_id FROM reconciliation_sure_$report WHERE entry_id IN (SELECT entry_id FROM contended);

DELETE FROM reconciliation_sure_$report WHERE NOT is_sure OR line_id IN (SELECT line_id FROM several);

CREATE TEMP TABLE unsure ON COMMIT DROP AS
SELECT id AS line_id
  FROM reconciliation_settlementline l
 WHERE report_id = %(report)s
   AND kind = ANY(%(payment_kinds)s)
   AND NOT EXISTS (SELECT FROM reconciliation_sure_$report s WHERE s.line_id = l.id);
ANALYZE unsure
