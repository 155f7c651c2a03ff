-- The lines of payments that are still to be matched: those of the file, and those that an earlier run could not place.
-- What a person closed stays closed. `sign` is that of the ledger's movement, which a part that is taken back shares
-- with the capture it was taken from.
CREATE TEMP TABLE open_line ON COMMIT DROP AS
SELECT l.id AS line_id, l.kind, l.gateway_reference, l.payment_reference, l.our_reference, l.our_operation_reference,
       l.gross_minor, l.gross_currency, l.occurred_at, l.settled_at,
       CASE WHEN l.kind IN ('CAPTURE', 'CAPTURE_REVERSED', 'REFUND_REVERSED', 'CHARGEBACK_REVERSED') THEN 1
            ELSE -1 END AS sign,
       CASE WHEN l.kind LIKE 'CAPTURE%%' THEN ARRAY['SALE', 'CAPTURE']
            WHEN l.kind LIKE 'REFUND%%' THEN ARRAY['REFUND']
            ELSE ARRAY['CHARGEBACK'] END AS operation_kinds
  FROM reconciliation_settlementline l
 WHERE l.kind = ANY(%(payment_kinds)s)
   AND l.id IN (
           SELECT id FROM reconciliation_settlementline WHERE report_id = %(report)s
            UNION ALL
           SELECT line_id FROM reconciliation_discrepancy
            WHERE source_id = %(source)s AND state <> 'CLOSED' AND kind = ANY(%(unplaced_kinds)s))
   AND NOT EXISTS (SELECT FROM reconciliation_match m WHERE m.line_id = l.id AND m.undone_at IS NULL)
   AND NOT EXISTS (
           SELECT FROM reconciliation_discrepancy d
            WHERE d.line_id = l.id AND d.state = 'CLOSED' AND d.resolution IN ('WRITTEN_OFF', 'EXPLAINED'));
ANALYZE open_line;

-- Which operation of ours a line names; the surest name counts.
CREATE TEMP TABLE named (line_id bigint PRIMARY KEY, transaction_id uuid NOT NULL, rule text NOT NULL) ON COMMIT DROP
