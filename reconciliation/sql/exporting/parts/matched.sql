-- Matches as they stood at the watermark, and the movements that they had taken; what was undone since still had them.
matched AS NOT MATERIALIZED (
    SELECT m.id, m.line_id, coalesce(m.lead_id, m.id) AS lead_id
      FROM reconciliation_match m
     WHERE m.matched_at <= %(as_of)s AND (m.undone_at IS NULL OR m.undone_at > %(as_of)s)
), kept AS NOT MATERIALIZED (
    SELECT c.entry_id, c.match_id, m.line_id
      FROM reconciliation_ledgerconsumed c
      JOIN reconciliation_match m ON m.id = c.match_id
     WHERE m.matched_at <= %(as_of)s
), released AS NOT MATERIALIZED (
    SELECT gone.entry_id, m.id AS match_id, m.line_id
      FROM reconciliation_match m
     CROSS JOIN LATERAL unnest(m.released_entry_ids) AS gone(entry_id)
     WHERE m.matched_at <= %(as_of)s AND m.undone_at > %(as_of)s
), taken AS NOT MATERIALIZED (
    SELECT entry_id, match_id, line_id FROM kept
     UNION ALL
    SELECT entry_id, match_id, line_id FROM released
)
