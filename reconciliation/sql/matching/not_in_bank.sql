-- Payouts that should have reached the bank by now.
WITH opened AS (
    INSERT INTO reconciliation_discrepancy
           (source_id, kind, batch_id, amount_minor, currency, detail, state, resolution, reason, proposed_by,
            approved_by, opened_on, opened_at)
    SELECT b.source_id, 'NOT_IN_BANK', b.id, abs(b.payout_minor), b.currency, '', 'OPEN', '', '', '', '',
           (b.settled_at AT TIME ZONE s.time_zone)::date, %(now)s
      FROM reconciliation_settlementbatch b
      JOIN reconciliation_settlementsource s ON s.id = b.source_id
     WHERE b.source_id = %(source)s
       AND b.state = 'BALANCED'
       AND b.payout_minor <> 0
       AND b.settled_at + make_interval(days => s.bank_days) < %(now)s
        ON CONFLICT (batch_id, kind)
-- include: matching/parts/again
)
-- include: matching/parts/opened
