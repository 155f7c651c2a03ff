-- Add what came into the ledger since to the sums of the days it counts on.
INSERT INTO reconciliation_booksday
       (day, account_id, currency, from_account, to_account, amount_minor, entry_count)
SELECT (p.counts_at AT TIME ZONE %(zone)s)::date, e.gateway_account_id, e.currency, e.from_account, e.to_account,
       sum(e.amount_minor)::bigint, count(*)
  FROM payments_ledgerentry e
  JOIN payments_posting p ON p.id = e.posting_id
 WHERE e.id > %(after)s AND e.id <= %(through)s
   AND e.gateway_account_id IS NOT NULL
   AND ARRAY[e.from_account, e.to_account] && ARRAY['CLEARING', 'EXTERNAL']::varchar[]
 GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (day, account_id, currency, from_account, to_account) DO UPDATE
   SET amount_minor = reconciliation_booksday.amount_minor + excluded.amount_minor,
       entry_count = reconciliation_booksday.entry_count + excluded.entry_count
