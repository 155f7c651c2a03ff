-- A table that nobody sees yet, for the lines of one file. What it is made of is read, joined and cast by as many
-- processes as there are; what is inserted, or read of a temporary table such as batch_of_file, by one.
CREATE TABLE reconciliation_settlementline_$report AS
SELECT %(first_line_id)s::bigint + t.line_number AS id, t.line_number, t.kind::varchar(20) AS kind,
       t.vendor_type::varchar(60) AS vendor_type, t.gateway_reference::varchar(120) AS gateway_reference,
       t.payment_reference::varchar(120) AS payment_reference, t.our_reference::varchar(120) AS our_reference,
       t.our_operation_reference::varchar(120) AS our_operation_reference,
       t.acquirer_reference::varchar(120) AS acquirer_reference, t.description::varchar(300) AS description,
       t.gross_currency::varchar(3) AS gross_currency, t.gross_minor::bigint AS gross_minor,
       t.net_currency::varchar(3) AS net_currency, t.net_minor::bigint AS net_minor, t.fee_minor::bigint AS fee_minor,
       t.stated_fee::numeric(24, 9) AS stated_fee, t.exchange_rate::numeric(30, 15) AS exchange_rate,
       t.occurred_at, t.settled_at, b.id AS batch_id, %(report)s::uuid AS report_id
  FROM reconciliation_typed_$report t
  JOIN reconciliation_settlementbatch b
    ON b.source_id = %(source)s AND (b.reference, b.currency) = (t.batch_reference, t.net_currency)
 WHERE t.problem IS NULL
