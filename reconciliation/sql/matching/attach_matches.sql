-- Let everybody see the matches; those to come go through the table of all. The check is what attaching would
-- otherwise read them for.
ALTER TABLE reconciliation_match_$report
      ADD PRIMARY KEY (id),
      ALTER rule SET NOT NULL,
      ALTER difference_minor SET NOT NULL,
      ALTER matched_by SET NOT NULL,
      ALTER matched_at SET NOT NULL,
      ALTER line_id SET NOT NULL,
      ADD CHECK (line_id >= %(first_line_id)s AND line_id < %(end_line_id)s);
CREATE UNIQUE INDEX one_match_per_line_$report ON reconciliation_match_$report (line_id) WHERE undone_at IS NULL;
ALTER TABLE reconciliation_match
      ATTACH PARTITION reconciliation_match_$report FOR VALUES FROM (%(first_line_id)s) TO (%(end_line_id)s)
