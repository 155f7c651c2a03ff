-- Take back what a newer report has otherwise: each line by one of the report that comes to the opposite, with which it
-- is matched from now on. Whatever adds lines up comes to what the report says, and what was told of a month stays.
CREATE TEMP TABLE parted ON COMMIT DROP AS
WITH about AS (
    SELECT coalesce(m.lead_id, m.id) AS lead_id
      FROM reconciliation_match m
     WHERE m.line_id IN (SELECT line_id FROM superseded) AND m.undone_at IS NULL
)
SELECT id AS match_id, id AS lead_id, line_id FROM reconciliation_match WHERE id IN (SELECT lead_id FROM about)
 UNION ALL
SELECT id, lead_id, line_id FROM reconciliation_match WHERE lead_id IN (SELECT lead_id FROM about);
ANALYZE parted;

CREATE TEMP TABLE taking_back ON COMMIT DROP AS
WITH had AS (
    SELECT p.line_id, min(c.entry_id) AS entry_id
      FROM parted p
      JOIN reconciliation_ledgerconsumed c ON c.match_id = p.lead_id
     GROUP BY p.line_id
)
SELECT s.line_id,
       nextval('reconciliation_settlementline_id_seq') AS id,
       nextval('reconciliation_match_id_seq') AS match_id,
       (SELECT max(line_number) FROM reconciliation_typed_$report)
           + row_number() OVER (ORDER BY s.line_id) AS line_number,
       had.entry_id
  FROM superseded s
  LEFT JOIN had ON had.line_id = s.line_id;
ANALYZE taking_back;

-- Their triggers keep with a match what it had taken.
DELETE FROM reconciliation_ledgerconsumed WHERE match_id IN (SELECT match_id FROM parted);
UPDATE reconciliation_match SET undone_at = %(now)s WHERE id IN (SELECT match_id FROM parted);

INSERT INTO reconciliation_settlementline
-- include: importing/parts/columns
SELECT t.id, %(report)s, t.line_number, l.batch_id, l.kind, l.vendor_type, l.gateway_reference, l.payment_reference,
       l.our_reference, l.our_operation_reference, l.acquirer_reference, l.description, l.gross_currency,
       -l.gross_minor, l.net_currency, -l.net_minor, -l.fee_minor, -l.stated_fee, l.exchange_rate, l.occurred_at,
       l.settled_at
  FROM taking_back t
  JOIN reconciliation_settlementline l ON l.id = t.line_id
 ORDER BY t.line_number;

INSERT INTO reconciliation_supersededline (line_id, taken_back_by_id, entry_id)
SELECT line_id, id, entry_id FROM taking_back ORDER BY line_id;

INSERT INTO reconciliation_match (id, line_id, lead_id, rule, difference_minor, matched_by, matched_at)
SELECT match_id, line_id, NULL, 'SUPERSEDED', 0, 'system', %(now)s FROM taking_back ORDER BY line_id;

INSERT INTO reconciliation_match (line_id, lead_id, rule, difference_minor, matched_by, matched_at)
SELECT id, match_id, 'SUPERSEDED', 0, 'system', %(now)s FROM taking_back ORDER BY line_id;

WITH mended AS (
    UPDATE reconciliation_discrepancy d
       SET state = 'CLOSED', resolution = 'ARRIVED', closed_at = %(now)s
      FROM superseded s
     WHERE d.line_id = s.line_id AND d.state <> 'CLOSED'
 RETURNING d.id, 'a newer report has the line otherwise' AS how
)
-- include: matching/parts/mended
;

-- What was matched together with one of them, and stands, waits for a place again.
WITH opened AS (
    INSERT INTO reconciliation_discrepancy
           (source_id, kind, line_id, amount_minor, currency, detail, state, resolution, reason, proposed_by,
            approved_by, opened_on, opened_at)
    SELECT %(source)s, 'UNDECIDED', l.id, abs(l.gross_minor), l.gross_currency, '', 'OPEN', '', '', '', '',
           (l.settled_at AT TIME ZONE %(zone)s)::date, %(now)s
      FROM parted p
      JOIN reconciliation_settlementline l ON l.id = p.line_id
     WHERE l.id NOT IN (SELECT line_id FROM superseded)
       AND l.kind = ANY(%(payment_kinds)s)
     ORDER BY l.id
        ON CONFLICT (line_id, kind)
-- include: matching/parts/again
)
-- include: matching/parts/opened
;

DROP TABLE parted, taking_back
