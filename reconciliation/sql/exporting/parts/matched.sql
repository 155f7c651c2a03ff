-- Matches as they stood at the watermark; what was undone since had still taken its movements then.
matched AS NOT MATERIALIZED (
    SELECT m.id, m.line_id, coalesce(m.lead_id, m.id) AS lead_id
      FROM reconciliation_match m
     WHERE m.matched_at <= %(as_of)s AND (m.undone_at IS NULL OR m.undone_at > %(as_of)s)
), taken AS NOT MATERIALIZED (
    SELECT c.entry_id, c.match_id, m.line_id
      FROM reconciliation_ledgerconsumed c
      JOIN reconciliation_match m ON m.id = c.match_id
     WHERE m.matched_at <= %(as_of)s
     UNION ALL
    SELECT released.entry_id, m.id, m.line_id
      FROM reconciliation_match m
     CROSS JOIN LATERAL unnest(m.released_entry_ids) AS released(entry_id)
     WHERE m.matched_at <= %(as_of)s AND m.undone_at > %(as_of)s
)
