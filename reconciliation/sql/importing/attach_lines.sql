-- Let everybody see the lines. That a line's id follows from its number makes both unique, and that all are of one file spares
-- an index by files. The checks are what attaching would otherwise read all lines for.
ALTER TABLE reconciliation_settlementline_$report
      ADD PRIMARY KEY (id),
      ADD CHECK (id >= %(first_line_id)s AND id < %(end_line_id)s),
      ADD CHECK (report_id = %(report)s AND id = %(first_line_id)s + line_number);
CREATE INDEX ON reconciliation_settlementline_$report USING brin (batch_id);
CREATE INDEX ON reconciliation_settlementline_$report USING brin (settled_at);
ALTER TABLE reconciliation_settlementline
      ATTACH PARTITION reconciliation_settlementline_$report FOR VALUES FROM (%(first_line_id)s) TO (%(end_line_id)s)
