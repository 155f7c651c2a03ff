-- What a run works on is its own; a transaction may have several runs.
DROP TABLE IF EXISTS open_line, named, nameless, unsettled, entry_of_line, entangled, candidate, contested, pair, taking,
                     suggestion, finding, open_credit, open_payout, credited
