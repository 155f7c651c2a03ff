-- Keep what is sure of a file whose matches have a table of their own, which nobody sees yet; see keep_sure. The
-- matches are numbered in the order of what they take, which is the order they are written in here.
CREATE UNLOGGED TABLE reconciliation_taken_$report AS
SELECT %(first_line_id)s::bigint + row_number() OVER (ORDER BY entry_id) AS match_id, line_id, entry_id, rule
  FROM reconciliation_sure_$report;

CREATE TABLE reconciliation_match_$report AS
SELECT match_id AS id, rule::varchar(12) AS rule, 0::bigint AS difference_minor, 'system'::varchar(150) AS matched_by,
       %(now)s::timestamptz AS matched_at, NULL::timestamptz AS undone_at, NULL::bigint AS lead_id, line_id,
       NULL::bigint[] AS released_batch_ids, NULL::bigint[] AS released_entry_ids
  FROM reconciliation_taken_$report;

INSERT INTO reconciliation_ledgerconsumed (entry_id, match_id)
SELECT entry_id, match_id FROM reconciliation_taken_$report;

DROP TABLE reconciliation_taken_$report
