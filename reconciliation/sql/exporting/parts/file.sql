-- Files that were matched, and so posted, by the watermark. What a file tells after a month was closed counts from the
-- end of that month on, as its postings do: `open_from` is the end of the last month that was closed, or of the last
-- day that was locked for the source, when these were made.
file AS MATERIALIZED (
    SELECT f.id, f.source_id, f.file_name, f.counts_from AS open_from, f.batch_is_payout
      FROM reconciliation_settlementreport f
     WHERE f.matched_at <= %(as_of)s
)
