-- What the gateway says of them, in minor units and signed: what it owes us is positive.
, said AS (
    SELECT number, fault, payment_reference, operation_reference, occurred_at, rate,
           CASE kind WHEN 'REFUND' THEN 'REFUND' WHEN 'CHARGEBACK' THEN 'CHARGEBACK' ELSE 'CAPTURE' END AS kind,
           CASE WHEN fault <> 'CURRENCY' THEN currency
                ELSE CASE currency WHEN 'EUR' THEN 'GBP' WHEN 'USD' THEN 'CAD' WHEN 'JPY' THEN 'KRW' ELSE 'BHD' END
           END AS gross_currency,
           decimals AS gross_decimals,
           CASE WHEN kind IN ('REFUND', 'CHARGEBACK') THEN -1 ELSE 1 END
               * (amount_minor + CASE WHEN fault = 'AMOUNT' THEN 1 ELSE 0 END) AS gross_minor,
           1 + (number - 1) * %(batches)s / %(operations)s AS batch
      FROM operation
     WHERE fault <> 'MISSING_THERE'
), converted AS (
    SELECT *, round(gross_minor * rate * power(10::numeric, 2 - gross_decimals))::bigint AS converted_minor FROM said
), charged AS (
    SELECT *, round(abs(converted_minor) * 0.00012, 4) AS commission, 0.05 AS markup FROM converted
), line AS (
    SELECT batch, number AS place, turn, kind, payment_reference, operation_reference,
           'BOOKS-' || number AS our_reference, occurred_at, gross_currency, gross_decimals, gross_minor,
           converted_minor, rate, markup,
           commission + CASE WHEN fault = 'FEE' THEN 0.1 ELSE 0 END AS commission,
           converted_minor - round((commission + markup) * 100)::bigint AS net_minor
      FROM charged
     CROSS JOIN LATERAL generate_series(1, CASE WHEN fault = 'DUPLICATE' THEN 2 ELSE 1 END) AS turn
), charged_beside AS (
    SELECT batch, %(operations)s + batch AS place, 1 AS turn, 'FEE' AS kind, -140::bigint AS net_minor
      FROM generate_series(1, %(batches)s) AS batch
), paid_out AS (
    SELECT batch, %(operations)s + %(batches)s + batch AS place, 1 AS turn, 'PAYOUT' AS kind,
           -sum(net_minor)::bigint - CASE WHEN batch <= %(unbalanced)s THEN 100 ELSE 0 END AS net_minor
      FROM (SELECT batch, net_minor FROM line UNION ALL SELECT batch, net_minor FROM charged_beside) AS paid
     WHERE %(has_payouts)s
     GROUP BY batch
), told AS (
    SELECT *, %(settled_at)s::timestamptz AS settled_at FROM line
     UNION ALL
    SELECT batch, place, turn, kind, '', kind || '-' || batch, '', %(settled_at)s::timestamptz, '', 2, NULL, net_minor,
           NULL, NULL, NULL, net_minor, %(settled_at)s::timestamptz
      FROM (SELECT * FROM charged_beside UNION ALL SELECT * FROM paid_out) AS beside
)
