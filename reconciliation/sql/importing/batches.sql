-- Every batch that a line names and nobody has named before.
INSERT INTO reconciliation_settlementbatch
       (source_id, reference, currency, state, line_count, net_minor, fee_minor, difference_minor, settled_at)
SELECT %(source)s, batch_reference, net_currency, 'OPEN', 0, 0, 0, 0, max(settled_at)
  FROM typed_line
 WHERE problem IS NULL
 GROUP BY batch_reference, net_currency
 ORDER BY batch_reference, net_currency
    ON CONFLICT (source_id, reference, currency) DO NOTHING
