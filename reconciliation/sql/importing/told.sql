-- What a file comes to, read once by as many processes as there are: its batches, whose it is, and how much is bad.
CREATE TEMP TABLE told ON COMMIT DROP AS
SELECT problem IS NOT NULL AS is_bad, batch_reference, net_currency, merchant_account, count(*) AS lines,
       max(settled_at) AS settled_at
  FROM reconciliation_typed_$report
 GROUP BY problem IS NOT NULL, batch_reference, net_currency, merchant_account
