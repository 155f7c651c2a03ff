-- The lines that were given back are to be named like the others.
DROP TABLE open_line, named, nameless, unsettled
