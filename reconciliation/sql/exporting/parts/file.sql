-- Files that were loaded by the watermark. What a file told after a month was closed counts from the end of that month on,
-- as postings do: `open_from` is the end of the last month that was closed by then. An export of a closing is as of the
-- whole second that it was made in, so what was loaded within that second is in it.
file AS MATERIALIZED (
    SELECT f.id, f.source_id, f.file_name,
           (SELECT max(c.ends_at)
              FROM payments_closedperiod c
             WHERE date_trunc('second', c.closed_at + interval '999999 microseconds') < f.loaded_at
               AND (c.reopened_at IS NULL OR c.reopened_at > f.loaded_at)) AS open_from
      FROM reconciliation_settlementreport f
     WHERE f.loaded_at <= %(as_of)s
)
