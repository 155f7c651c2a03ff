-- Keep what is sure, in the order of what is taken. A movement that another run took in the meantime breaks the primary
-- key of what is consumed, and with it this whole run, which then begins anew and sees it.
WITH taken AS MATERIALIZED (
    SELECT nextval('reconciliation_match_id_seq') AS match_id, line_id, entry_id, rule
      FROM (SELECT line_id, entry_id, rule FROM reconciliation_sure_$report ORDER BY entry_id) AS sure
), matched AS (
    INSERT INTO reconciliation_match (id, line_id, lead_id, rule, difference_minor, matched_by, matched_at)
    SELECT match_id, line_id, NULL, rule, 0, 'system', %(now)s FROM taken
)
INSERT INTO reconciliation_ledgerconsumed (entry_id, match_id) SELECT entry_id, match_id FROM taken
