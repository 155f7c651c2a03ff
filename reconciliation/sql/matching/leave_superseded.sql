-- What takes back lines of earlier files has its place already.
DELETE FROM reconciliation_sure_$report
 WHERE line_id IN (SELECT taken_back_by_id FROM reconciliation_supersededline);
DELETE FROM unsure WHERE line_id IN (SELECT taken_back_by_id FROM reconciliation_supersededline)
