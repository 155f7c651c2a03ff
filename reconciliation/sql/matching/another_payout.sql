-- Payouts that were written off and come to another amount since: what was written off is not what the bank lacks.
CREATE TEMP TABLE another_payout ON COMMIT DROP AS
SELECT b.id AS batch_id, b.currency, b.settled_at, abs(b.payout_minor - written_off.minor) AS amount_minor
  FROM reconciliation_discrepancy d
  JOIN reconciliation_settlementbatch b ON b.id = d.batch_id
  JOIN reconciliation_proposal p
    ON p.discrepancy_id = d.id AND p.kind = 'WRITE_OFF' AND p.decision = 'APPROVED' AND p.undone_at IS NULL
 CROSS JOIN LATERAL (
    SELECT sum(CASE WHEN from_account = 'BANK' THEN amount_minor ELSE -amount_minor END)::bigint AS minor
      FROM payments_ledgerentry
     WHERE posting_id = p.posting_id
  ) AS written_off
 WHERE d.source_id = %(source)s
   AND d.kind = 'NOT_IN_BANK'
   AND d.resolution = 'WRITTEN_OFF'
   AND b.state = 'BALANCED'
   AND b.payout_minor <> written_off.minor;

WITH mended AS (
    UPDATE reconciliation_discrepancy d
       SET state = 'CLOSED', resolution = 'ARRIVED', closed_at = %(now)s
     WHERE d.source_id = %(source)s
       AND d.kind = 'ANOTHER_PAYOUT'
       AND d.state <> 'CLOSED'
       AND d.batch_id NOT IN (SELECT batch_id FROM another_payout)
 RETURNING d.id, 'it came right by itself' AS how
)
-- include: matching/parts/mended
;

WITH opened AS (
    INSERT INTO reconciliation_discrepancy
           (source_id, kind, batch_id, amount_minor, currency, detail, state, resolution, reason, proposed_by,
            approved_by, opened_on, opened_at)
    SELECT %(source)s, 'ANOTHER_PAYOUT', batch_id, amount_minor, currency, '', 'OPEN', '', '', '', '',
           (settled_at AT TIME ZONE %(zone)s)::date, %(now)s
      FROM another_payout
     ORDER BY batch_id
        ON CONFLICT (batch_id, kind)
-- include: matching/parts/again
)
-- include: matching/parts/opened
