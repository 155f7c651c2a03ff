INSERT INTO reconciliation_settlementline
-- include: importing/parts/columns
SELECT nextval('reconciliation_settlementline_id_seq'), %(report)s, t.line_number, b.id, t.kind, t.vendor_type,
       t.gateway_reference, t.payment_reference, t.our_reference, t.our_operation_reference, t.acquirer_reference,
       t.description, t.gross_currency, t.gross_minor, t.net_currency, t.net_minor, t.fee_minor, t.stated_fee,
       t.exchange_rate, t.occurred_at, t.settled_at
  FROM reconciliation_typed_$report t
  JOIN batch_of_file b ON (b.reference, b.currency) = (t.batch_reference, t.net_currency)
 WHERE t.problem IS NULL
 ORDER BY t.line_number
