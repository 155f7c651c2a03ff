-- Keep what was found. A movement that another run took in the meantime breaks the primary key of what is consumed, and
-- with it this whole run, which then begins anew and sees it.
INSERT INTO reconciliation_match (id, line_id, lead_id, rule, difference_minor, matched_by, matched_at)
SELECT match_id, line_id, NULL, rule, difference_minor, 'system', %(now)s FROM pair WHERE line_id = lead_line_id;

INSERT INTO reconciliation_match (id, line_id, lead_id, rule, difference_minor, matched_by, matched_at)
SELECT p.match_id, p.line_id, lead.match_id, p.rule, p.difference_minor, 'system', %(now)s
  FROM pair p
  JOIN pair lead ON lead.line_id = p.lead_line_id
 WHERE p.line_id <> p.lead_line_id;

INSERT INTO reconciliation_ledgerconsumed (entry_id, match_id)
SELECT entry_id, match_id
  FROM (SELECT entry_id, match_id FROM pair WHERE entry_id IS NOT NULL
         UNION ALL
        SELECT taking.entry_id, pair.match_id FROM taking JOIN pair USING (line_id)) AS taken
 ORDER BY entry_id;

-- Fees, reserves and payouts have no movement to agree with: their batch says what they are, and is posted as a whole.
-- What a gateway tells besides, and what moves nothing, is explained by its kind.
INSERT INTO reconciliation_match (line_id, lead_id, rule, difference_minor, matched_by, matched_at)
SELECT l.id, NULL, CASE l.kind WHEN 'OTHER' THEN 'OTHER' ELSE 'BATCH' END, 0, 'system', %(now)s
  FROM reconciliation_settlementline l
 WHERE l.report_id = %(report)s
   AND (l.kind IN ('FEE', 'RESERVE', 'BALANCE_TRANSFER', 'PAYOUT', 'PAYOUT_RETURNED')
        OR (l.kind = 'OTHER' AND l.net_minor = 0))
    ON CONFLICT (line_id) WHERE undone_at IS NULL DO NOTHING
