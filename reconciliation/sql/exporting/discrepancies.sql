-- Discrepancies that were open at the watermark, by age, and those that were opened in the period, whatever became of
-- them. How far people were with one, and what was at stake, is told by its events, which nobody changes.
SELECT d.id AS discrepancy, d.kind, s.slug AS source, last.state_after AS state, d.opened_on,
       age.days AS age_days,
-- include: exporting/parts/age
     , d.currency, last.amount_minor, last.amount_minor AS amount, d.opened_at,
       CASE WHEN last.state_after = 'CLOSED' THEN last.at END AS closed_at,
       last.action AS last_action, last.actor AS last_actor, last.detail AS last_detail,
       coalesce(b.reference, of_line.reference) AS batch, f.file_name AS file, l.line_number AS line,
       coalesce(nullif(l.gateway_reference, ''), l.payment_reference) AS gateway_reference, p.reference AS payment
  FROM reconciliation_discrepancy d
  JOIN reconciliation_settlementsource s ON s.id = d.source_id
  LEFT JOIN gateways_gatewayaccount a ON a.id = s.account_id
  LEFT JOIN reconciliation_settlementline l ON l.id = d.line_id
  LEFT JOIN reconciliation_settlementreport f ON f.id = l.report_id
  LEFT JOIN reconciliation_settlementbatch of_line ON of_line.id = l.batch_id
  LEFT JOIN reconciliation_settlementbatch b ON b.id = d.batch_id
  LEFT JOIN payments_ledgerentry e ON e.id = d.entry_id
  LEFT JOIN payments_payment p ON p.id = e.payment_id
 CROSS JOIN LATERAL (
    SELECT ev.state_after, ev.action, ev.actor, ev.detail, ev.at,
           coalesce((SELECT told.amount_minor FROM reconciliation_discrepancyevent told
                      WHERE told.discrepancy_id = d.id AND told.at <= %(as_of)s AND told.amount_minor IS NOT NULL
                      ORDER BY told.id DESC LIMIT 1), d.amount_minor) AS amount_minor
      FROM reconciliation_discrepancyevent ev
     WHERE ev.discrepancy_id = d.id AND ev.at <= %(as_of)s
     ORDER BY ev.id DESC
     LIMIT 1
 ) AS last
 CROSS JOIN LATERAL (
    SELECT greatest(0, (least(%(as_of)s, CASE WHEN last.state_after = 'CLOSED' THEN last.at END)
                            AT TIME ZONE s.time_zone)::date - d.opened_on) AS days
 ) AS age
 WHERE d.opened_at <= %(as_of)s
   AND (coalesce(a.environment, 'live') = 'live') = %(is_live)s
   AND (last.state_after <> 'CLOSED'
        OR ((%(since)s::timestamptz IS NOT NULL OR %(until)s::timestamptz IS NOT NULL)
            AND (%(since)s::timestamptz IS NULL OR d.opened_at >= %(since)s)
            AND (%(until)s::timestamptz IS NULL OR d.opened_at < %(until)s)))
   AND (%(account)s::bigint IS NULL OR a.id = %(account)s)
   AND (%(currency)s::text IS NULL OR d.currency = %(currency)s)
