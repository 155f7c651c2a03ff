-- No file was loaded just now: what is to be matched waits since earlier.
CREATE TEMP TABLE unsure (line_id bigint) ON COMMIT DROP
