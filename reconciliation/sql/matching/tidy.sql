-- What a run works on is its own; a transaction may have several runs.
DROP TABLE IF EXISTS reconciliation_sure_$report, several, unsure, open_line, named, nameless, unsettled, entry_of_line,
                     entangled, candidate, contested, pair, line_sum, movement_sum, taking, suggestion, priced_line,
                     priced_operation, priced_movement, misstated, finding, open_credit, open_payout, credited,
                     another_payout
