-- How many `age.days` something is old, in the buckets that finance counts by.
CASE WHEN age.days <= 1 THEN '0-1' WHEN age.days <= 3 THEN '2-3' WHEN age.days <= 7 THEN '4-7'
     WHEN age.days <= 30 THEN '8-30' WHEN age.days <= 60 THEN '31-60' WHEN age.days <= 90 THEN '61-90'
     ELSE '>90' END AS age
