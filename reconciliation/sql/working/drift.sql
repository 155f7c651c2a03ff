-- What an account holds by the ledger, and what explains it, by currency: minor units, signed, as they stand in the
-- gateway's account. The parts come to the balance where the postings follow the files.
WITH movement AS MATERIALIZED (
    SELECT min(e.id) AS entry_id, e.currency,
           sum(CASE WHEN e.to_account = %(money_account)s THEN e.amount_minor ELSE -e.amount_minor END) AS minor
      FROM payments_ledgerentry e
     WHERE e.gateway_account_id = %(account)s
       AND e.transaction_id IS NOT NULL
       AND %(money_account)s IN (e.from_account, e.to_account)
     GROUP BY e.posting_id, e.transaction_id, e.currency
), taken AS (
    SELECT m.currency, m.minor FROM movement m JOIN reconciliation_ledgerconsumed c ON c.entry_id = m.entry_id
), waiting AS (
    SELECT m.currency, m.minor,
           CASE WHEN d.id IS NULL THEN 'waiting'
                WHEN d.state = 'CLOSED' THEN 'missing_closed' ELSE 'missing' END AS part
      FROM movement m
      LEFT JOIN reconciliation_discrepancy d ON d.entry_id = m.entry_id AND d.kind = 'MISSING_THERE'
     WHERE NOT EXISTS (SELECT FROM reconciliation_ledgerconsumed c WHERE c.entry_id = m.entry_id)
), line AS MATERIALIZED (
    SELECT l.id, l.kind, l.kind = ANY(%(payment_kinds)s) AS is_of_payment, l.gross_minor, l.gross_currency,
           l.net_minor, l.net_currency, b.state <> 'UNBALANCED' AS is_posted, m.id IS NOT NULL AS is_matched
      FROM reconciliation_settlementline l
      JOIN reconciliation_settlementbatch b ON b.id = l.batch_id
      LEFT JOIN reconciliation_match m ON m.line_id = l.id AND m.undone_at IS NULL
     WHERE b.source_id = %(source)s
), part AS (
    SELECT currency, part, minor FROM waiting
     UNION ALL
    -- Matched lines that say something else than the movements they took.
    SELECT currency, 'differences', minor FROM taken
     UNION ALL
    SELECT gross_currency, 'differences', -gross_minor FROM line WHERE is_of_payment AND is_matched
     UNION ALL
    SELECT gross_currency, 'unposted', gross_minor FROM line WHERE is_of_payment AND is_matched AND NOT is_posted
     UNION ALL
    SELECT l.gross_currency,
           CASE WHEN EXISTS (SELECT FROM reconciliation_discrepancy d
                              WHERE d.line_id = l.id AND d.kind = ANY(%(unplaced_kinds)s) AND d.state <> 'CLOSED')
                THEN 'unplaced' ELSE 'unplaced_closed' END,
           -l.gross_minor
      FROM line l
     WHERE l.is_of_payment AND NOT l.is_matched AND l.is_posted
     UNION ALL
    -- What was posted for a batch while it still added up.
    SELECT e.currency, 'unposted',
           CASE WHEN e.to_account = %(money_account)s THEN e.amount_minor ELSE -e.amount_minor END
      FROM reconciliation_settlementbatch b
      JOIN reconciliation_batchposting p ON p.batch_id = b.id
      JOIN payments_ledgerentry e ON e.posting_id = p.posting_id
     WHERE b.source_id = %(source)s AND b.state = 'UNBALANCED'
     UNION ALL
    SELECT net_currency, CASE WHEN kind = 'BALANCE_TRANSFER' THEN 'carried' ELSE 'other' END, -net_minor
      FROM line
     WHERE is_posted AND kind IN ('BALANCE_TRANSFER', 'OTHER', 'UNKNOWN')
     UNION ALL
    SELECT currency, 'not_paid_out', net_minor - coalesce(payout_minor, 0)
      FROM reconciliation_settlementbatch
     WHERE source_id = %(source)s AND state <> 'UNBALANCED'
     UNION ALL
    SELECT e.currency, 'written_off',
           CASE WHEN e.to_account = %(money_account)s THEN e.amount_minor ELSE -e.amount_minor END
      FROM reconciliation_proposal p
      JOIN payments_ledgerentry e ON e.posting_id IN (p.posting_id, p.undo_posting_id)
     WHERE e.gateway_account_id = %(account)s AND %(money_account)s IN (e.from_account, e.to_account)
     UNION ALL
    SELECT currency, 'balance',
           CASE WHEN to_account = %(money_account)s THEN amount_minor ELSE -amount_minor END
      FROM payments_ledgerentry
     WHERE gateway_account_id = %(account)s AND %(money_account)s IN (from_account, to_account)
)
SELECT currency, part, sum(minor)::bigint
  FROM part
 GROUP BY currency, part
HAVING sum(minor) <> 0
 ORDER BY currency COLLATE "C", part COLLATE "C"
