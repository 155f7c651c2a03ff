-- What a line is known again by, that first by which most lines differ: they are sorted by it. What a map makes of a
-- type is not looked at, for it may know more types by now.
gateway_reference, payment_reference, our_reference, our_operation_reference, gross_minor, net_minor, occurred_at,
vendor_type, batch_reference, gross_currency, net_currency
