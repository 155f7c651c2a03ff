INSERT INTO reconciliation_settlementline_$report
-- include: importing/parts/lines
