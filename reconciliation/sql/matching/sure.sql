-- Nearly every line names one movement of its very amount that no other line names and nobody took: nothing to decide.
-- These are found by one join over the whole file. It works on a table of its own, in as many processes as there are
-- (temporary tables are read by one), and is told of by the lines alone that have just been loaded: nobody can have
-- matched or closed them. Whatever is not sure goes the careful way, and finds what is not taken by then.
--
-- Every line of a payment is there, with what it names as open_lines has it: the reference of the payment counts only
-- where the operation has none with us.
CREATE UNLOGGED TABLE reconciliation_sure_$report AS
WITH line AS NOT MATERIALIZED (
    SELECT id, kind, nullif(gateway_reference, '') AS operation_key,
           CASE WHEN kind LIKE 'CAPTURE%%' THEN nullif(payment_reference, '') END AS sale_key,
           gross_minor, gross_currency, settled_at
      FROM reconciliation_settlementline
     WHERE report_id = %(report)s AND kind = ANY(%(payment_kinds)s)
), too_late AS (
    -- No line of the file is late but of what was posted before this; which is few, and has to be known as few.
    SELECT id, occurred_at
      FROM payments_posting
     WHERE occurred_at < %(last_settled_at)s::timestamptz - make_interval(days => %(sla_days)s)
)
SELECT l.id AS line_id, coalesce(operation.id, sale.id) AS transaction_id,
       CASE WHEN operation.id IS NULL THEN 'PAYMENT' ELSE 'OPERATION' END AS rule, e.id AS entry_id,
       coalesce(l.gross_currency = e.currency
                AND l.gross_minor = CASE WHEN e.to_account = %(money_account)s THEN e.amount_minor
                                         ELSE -e.amount_minor END
                AND (l.gross_minor > 0)
                  = (l.kind IN ('CAPTURE', 'CAPTURE_REVERSED', 'REFUND_REVERSED', 'CHARGEBACK_REVERSED'))
                AND l.gross_minor <> 0
                AND c.entry_id IS NULL
                AND (p.id IS NULL OR l.settled_at <= p.occurred_at + make_interval(days => %(sla_days)s)),
                false) AS is_sure
  FROM line l
  LEFT JOIN payments_transaction operation
    ON operation.account_id = %(account)s
   AND operation.gateway_reference = l.operation_key
   AND CASE WHEN l.kind LIKE 'CAPTURE%%' THEN operation.kind IN ('SALE', 'CAPTURE')
            WHEN l.kind LIKE 'REFUND%%' THEN operation.kind = 'REFUND'
            ELSE operation.kind = 'CHARGEBACK' END
  LEFT JOIN payments_transaction sale
    ON sale.account_id = %(account)s
   AND sale.kind = 'SALE'
   AND sale.gateway_reference = CASE WHEN operation.id IS NULL THEN l.sale_key END
  LEFT JOIN payments_ledgerentry e
    ON e.transaction_id = coalesce(operation.id, sale.id) AND %(money_account)s IN (e.from_account, e.to_account)
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

CREATE TEMP TABLE unsure (line_id bigint NOT NULL) ON COMMIT DROP;
WITH unsure_rows AS (
    DELETE FROM reconciliation_sure_$report
     WHERE NOT is_sure OR line_id IN (SELECT line_id FROM several)
 RETURNING line_id
)
INSERT INTO unsure SELECT DISTINCT line_id FROM unsure_rows;
ANALYZE unsure
