-- A table that nobody sees yet, for the matches of one file's lines.
CREATE TABLE reconciliation_match_$report (LIKE reconciliation_match)
