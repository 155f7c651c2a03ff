-- What a line is known again by. What a map makes of a type is not looked at, for it may know more types by now.
batch_reference, vendor_type, gateway_reference, payment_reference, our_reference, our_operation_reference,
gross_currency, gross_minor, net_currency, net_minor, occurred_at
