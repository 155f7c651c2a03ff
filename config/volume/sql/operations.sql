-- What one account did: a row for each number, which follows from the number and the seed alone. What the gateway will
-- say of it differs by its `fault`; `place` puts the numbers into another order, of which the first are faulty.
WITH numbered AS (
    SELECT number, hashint8extended(number, %(seed)s) & 9223372036854775807 AS chance,
           number * 982451653 %% %(operations)s AS place
      FROM generate_series(1, %(operations)s::bigint) AS number
), currency(share, code, decimals, rate) AS (
    VALUES (0, 'USD', 2, 0.92), (1, 'JPY', 0, 0.0061), (2, 'KWD', 3, 2.98)
), operation AS (
    SELECT n.number, coalesce(f.kind, '') AS fault,
           CASE WHEN n.chance %% 100 < 68 THEN 'SALE' WHEN n.chance %% 100 < 90 THEN 'CAPTURE'
                WHEN n.chance %% 100 < 99 THEN 'REFUND' ELSE 'CHARGEBACK' END AS kind,
           500 + n.chance / 100 %% 60000 AS amount_minor,
           coalesce(c.code, 'EUR') AS currency, coalesce(c.decimals, 2) AS decimals, coalesce(c.rate, 1) AS rate,
           'P' || upper(left(md5(%(name)s || ' payment ' || n.number), 15)) AS payment_reference,
           'M' || upper(left(md5(%(name)s || ' operation ' || n.number), 15)) AS operation_reference,
           %(begun_at)s::timestamptz + make_interval(secs => n.chance / 7 %% 259200)
               - CASE WHEN f.kind IN ('LATE', 'MISSING_THERE') THEN interval '20 days' ELSE interval '0' END
               AS occurred_at
      FROM numbered n
      LEFT JOIN currency c ON c.share = n.chance / 11 %% 25
      LEFT JOIN unnest(%(kinds)s::text[], %(first_places)s::bigint[], %(end_places)s::bigint[])
             AS f(kind, first_place, end_place)
        ON n.place >= f.first_place AND n.place < f.end_place
)
