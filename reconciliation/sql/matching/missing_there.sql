-- What we booked and nobody settled in time. An operation whose movements in a currency come to nothing (a chargeback
-- that was won, a capture that failed) is not waited for.
WITH moved AS (
    SELECT e.transaction_id, e.currency, min(e.id) AS entry_id, min(p.occurred_at) AS occurred_at,
           sum(CASE WHEN e.to_account = %(money_account)s THEN e.amount_minor ELSE -e.amount_minor END) AS amount_minor
      FROM payments_ledgerentry e
      JOIN payments_posting p ON p.id = e.posting_id
     WHERE e.gateway_account_id = %(account)s
       AND e.transaction_id IS NOT NULL
       AND %(money_account)s IN (e.from_account, e.to_account)
       AND p.occurred_at >= %(reconciled_from)s::date::timestamp AT TIME ZONE %(zone)s
     GROUP BY e.posting_id, e.transaction_id, e.currency
), waiting AS (
    SELECT moved.*, sum(amount_minor) OVER (PARTITION BY transaction_id, currency) AS in_all
      FROM moved
     WHERE amount_minor <> 0
       AND NOT EXISTS (SELECT FROM reconciliation_ledgerconsumed c WHERE c.entry_id = moved.entry_id)
), opened AS (
    INSERT INTO reconciliation_discrepancy
           (source_id, kind, entry_id, amount_minor, currency, detail, state, resolution, reason, proposed_by,
            approved_by, opened_on, opened_at)
    SELECT %(source)s, 'MISSING_THERE', entry_id, abs(amount_minor), currency, '', 'OPEN', '', '', '', '',
           (occurred_at AT TIME ZONE %(zone)s)::date, %(now)s
      FROM waiting
     WHERE in_all <> 0
       AND occurred_at + make_interval(days => %(sla_days)s) < %(now)s
     ORDER BY entry_id
        ON CONFLICT (entry_id, kind)
-- include: matching/parts/again
)
-- include: matching/parts/opened
