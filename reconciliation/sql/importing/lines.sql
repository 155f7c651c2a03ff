INSERT INTO reconciliation_settlementline
-- include: importing/parts/lines
 ORDER BY t.line_number
