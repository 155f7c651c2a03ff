-- The lines of payments that are still to be matched, each with the operation of ours that its gateway's references
-- name: those of the file, and those that an earlier run could not place. What a person closed stays closed. `sign` is
-- that of the ledger's movement, which a part that is taken back shares with the capture it was taken from. The
-- reference of the payment counts only where the operation has none with us: a sale has no capture of its own.
CREATE TEMP TABLE open_line ON COMMIT DROP AS
WITH line AS (
    SELECT l.id AS line_id, l.kind, l.gateway_reference, l.payment_reference, l.our_reference,
           l.our_operation_reference, l.gross_minor, l.gross_currency, l.occurred_at, l.settled_at,
           CASE WHEN l.kind IN ('CAPTURE', 'CAPTURE_REVERSED', 'REFUND_REVERSED', 'CHARGEBACK_REVERSED') THEN 1
                ELSE -1 END AS sign,
           CASE WHEN l.kind LIKE 'CAPTURE%%' THEN ARRAY['SALE', 'CAPTURE']
                WHEN l.kind LIKE 'REFUND%%' THEN ARRAY['REFUND']
                ELSE ARRAY['CHARGEBACK'] END AS operation_kinds
      FROM (
            -- What was only just loaded, and is not sure.
            SELECT * FROM reconciliation_settlementline WHERE id IN (SELECT line_id FROM unsure)
             UNION ALL
            SELECT *
              FROM reconciliation_settlementline waiting
             WHERE id = ANY (ARRAY(
                       SELECT id FROM reconciliation_settlementline WHERE report_id = %(report)s AND NOT %(is_new)s
                        UNION
                       SELECT line_id FROM reconciliation_discrepancy
                        WHERE source_id = %(source)s AND state <> 'CLOSED' AND kind = ANY(%(unplaced_kinds)s)))
               AND NOT EXISTS (
                       SELECT FROM reconciliation_match m WHERE m.line_id = waiting.id AND m.undone_at IS NULL)
               AND NOT EXISTS (
                       SELECT FROM reconciliation_discrepancy d
                        WHERE d.line_id = waiting.id AND d.state = 'CLOSED' AND d.kind = ANY(%(unplaced_kinds)s)
                          AND d.resolution IN ('WRITTEN_OFF', 'EXPLAINED'))) AS l
     WHERE l.kind = ANY(%(payment_kinds)s)
)
SELECT line.*, coalesce(operation.id, sale.id) AS transaction_id,
       CASE WHEN operation.id IS NOT NULL THEN 'OPERATION' WHEN sale.id IS NOT NULL THEN 'PAYMENT' END AS rule
  FROM line
  LEFT JOIN payments_transaction operation
    ON operation.account_id = %(account)s
   AND operation.gateway_reference = nullif(line.gateway_reference, '')
   AND operation.kind = ANY(line.operation_kinds)
  LEFT JOIN payments_transaction sale
    ON sale.account_id = %(account)s
   AND sale.gateway_reference
     = CASE WHEN operation.id IS NULL AND line.kind LIKE 'CAPTURE%%' THEN nullif(line.payment_reference, '') END
   AND sale.kind = 'SALE';

-- A sale and a capture may go by one reference: either will do.
DELETE FROM open_line
 WHERE line_id IN (SELECT line_id FROM open_line GROUP BY line_id HAVING count(*) > 1)
   AND ctid NOT IN (SELECT min(ctid) FROM open_line GROUP BY line_id HAVING count(*) > 1);
ANALYZE open_line (line_id, transaction_id);

-- Which operation of ours a line names; later passes add to it, and the surest name counts.
CREATE TEMP TABLE named ON COMMIT DROP AS
SELECT line_id, transaction_id, rule FROM open_line WHERE transaction_id IS NOT NULL;
CREATE UNIQUE INDEX ON named (line_id)
