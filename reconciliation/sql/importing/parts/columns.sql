       (id, report_id, line_number, batch_id, kind, vendor_type, gateway_reference, payment_reference, our_reference,
        our_operation_reference, acquirer_reference, description, gross_currency, gross_minor, net_currency, net_minor,
        fee_minor, stated_fee, exchange_rate, occurred_at, settled_at)
