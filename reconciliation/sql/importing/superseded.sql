-- The lines of a report's batches that it tells no more, for one that has its batches whole.
CREATE TEMP TABLE superseded ON COMMIT DROP AS SELECT line_id FROM told_before WHERE line_id IS NOT NULL;
ANALYZE superseded
