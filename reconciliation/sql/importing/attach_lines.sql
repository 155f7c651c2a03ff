-- Let everybody see the lines. That a line's id follows from its number makes both unique, and that all are of one file
-- spares an index by files. The checks are what attaching would otherwise read all lines for.
ALTER TABLE reconciliation_settlementline_$report
      ADD PRIMARY KEY (id),
      ALTER line_number SET NOT NULL,
      ALTER kind SET NOT NULL,
      ALTER vendor_type SET NOT NULL,
      ALTER gateway_reference SET NOT NULL,
      ALTER payment_reference SET NOT NULL,
      ALTER our_reference SET NOT NULL,
      ALTER our_operation_reference SET NOT NULL,
      ALTER acquirer_reference SET NOT NULL,
      ALTER description SET NOT NULL,
      ALTER gross_currency SET NOT NULL,
      ALTER gross_minor SET NOT NULL,
      ALTER net_currency SET NOT NULL,
      ALTER net_minor SET NOT NULL,
      ALTER fee_minor SET NOT NULL,
      ALTER occurred_at SET NOT NULL,
      ALTER settled_at SET NOT NULL,
      ALTER batch_id SET NOT NULL,
      ALTER report_id SET NOT NULL,
      ADD CHECK (id >= %(first_line_id)s AND id < %(end_line_id)s),
      ADD CHECK (report_id = %(report)s AND id = %(first_line_id)s + line_number);
CREATE INDEX ON reconciliation_settlementline_$report USING brin (batch_id);
CREATE INDEX ON reconciliation_settlementline_$report USING brin (settled_at);
ALTER TABLE reconciliation_settlementline
      ATTACH PARTITION reconciliation_settlementline_$report FOR VALUES FROM (%(first_line_id)s) TO (%(end_line_id)s)
