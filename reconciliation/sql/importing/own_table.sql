-- A table that nobody sees yet, for the lines of one file.
CREATE TABLE reconciliation_settlementline_$report (LIKE reconciliation_settlementline)
