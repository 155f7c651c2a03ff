-- What the batches of a file come to now, over all of their lines: one that was taken back and the one that takes it
-- back come to nothing, and are no lines that stand. A batch that is one payout adds up by itself unless it names its
-- payout; one with a payout must come to nothing with it; one without has told of no payout yet. Of one that the bank
-- has, the payout is what the bank received: what is added later must not be paid by it too.
WITH taken_back AS (
    SELECT line.id
      FROM batch_of_file b
      JOIN reconciliation_settlementline l ON l.batch_id = b.id
      JOIN reconciliation_supersededline s ON s.line_id = l.id
     CROSS JOIN LATERAL (VALUES (s.line_id), (s.taken_back_by_id)) AS line(id)
     WHERE b.is_known
)
UPDATE reconciliation_settlementbatch b
   SET line_count = sums.lines,
       net_minor = sums.net,
       fee_minor = sums.fee,
       payout_minor = CASE WHEN b.bank_line_id IS NOT NULL THEN b.payout_minor
                           WHEN sums.payouts > 0 THEN -sums.payout WHEN %(batch_is_payout)s THEN sums.net END,
       difference_minor = CASE WHEN b.bank_line_id IS NOT NULL THEN sums.net - b.payout_minor
                               WHEN sums.payouts > 0 THEN sums.net + sums.payout ELSE 0 END,
       settled_at = sums.settled_at,
       state = CASE WHEN b.bank_line_id IS NOT NULL AND sums.net = b.payout_minor THEN 'PAID'
                    WHEN b.bank_line_id IS NOT NULL THEN 'UNBALANCED'
                    WHEN sums.payouts > 0 AND sums.net + sums.payout <> 0 THEN 'UNBALANCED'
                    WHEN sums.payouts > 0 OR %(batch_is_payout)s THEN 'BALANCED'
                    ELSE 'OPEN' END
  FROM (SELECT batch_id,
               count(*) FILTER (WHERE stands) AS lines,
               coalesce(sum(net_minor) FILTER (WHERE kind <> 'PAYOUT'), 0) AS net,
               sum(fee_minor) AS fee,
               coalesce(sum(net_minor) FILTER (WHERE kind = 'PAYOUT'), 0) AS payout,
               count(*) FILTER (WHERE kind = 'PAYOUT') AS payouts,
               coalesce(max(settled_at) FILTER (WHERE stands), max(settled_at)) AS settled_at
          FROM (SELECT *, id NOT IN (SELECT id FROM taken_back) AS stands
                  FROM reconciliation_settlementline
                 WHERE batch_id IN (SELECT id FROM batch_of_file)) AS line
         GROUP BY batch_id) AS sums
 WHERE b.id = sums.batch_id
