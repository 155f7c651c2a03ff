-- What came right by itself and is wrong once more is open again; what people closed stays closed.
DO UPDATE
       SET state = CASE WHEN reconciliation_discrepancy.assignee_id IS NULL THEN 'OPEN' ELSE 'ASSIGNED' END,
           amount_minor = excluded.amount_minor, currency = excluded.currency, resolution = '', reason = '',
           proposed_by = '', approved_by = '', closed_at = NULL
     WHERE reconciliation_discrepancy.resolution = 'ARRIVED'
 RETURNING id, state, amount_minor
