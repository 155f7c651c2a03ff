-- Keep what is sure of a file whose matches have a table of their own; see keep_sure.
WITH taken AS MATERIALIZED (
    SELECT %(first_line_id)s + row_number() OVER (ORDER BY entry_id) AS match_id, line_id, entry_id, rule
      FROM reconciliation_sure_$report
), matched AS (
    INSERT INTO reconciliation_match_$report (id, line_id, lead_id, rule, difference_minor, matched_by, matched_at)
    SELECT match_id, line_id, NULL, rule, 0, 'system', %(now)s FROM taken
)
INSERT INTO reconciliation_ledgerconsumed (entry_id, match_id) SELECT entry_id, match_id FROM taken
