from django.db import migrations

FORWARD = """
CREATE SEQUENCE payments_payment_number START 100001;

CREATE FUNCTION payments_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows are never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER ledger_entries_stay BEFORE UPDATE OR DELETE ON payments_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION payments_refuse_change();
CREATE TRIGGER postings_stay BEFORE UPDATE OR DELETE ON payments_posting
    FOR EACH ROW EXECUTE FUNCTION payments_refuse_change();
CREATE TRIGGER gateway_events_stay BEFORE UPDATE OR DELETE ON payments_gatewayevent
    FOR EACH ROW EXECUTE FUNCTION payments_refuse_change();

-- Bounds what we ask, never what a gateway tells: only new refunds of ours are counted against the capture.
CREATE FUNCTION payments_bound_refunds() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    captured bigint;
    returned bigint;
BEGIN
    SELECT captured_minor INTO captured FROM payments_payment WHERE id = NEW.payment_id FOR UPDATE;
    SELECT coalesce(sum(amount_minor), 0) INTO returned FROM payments_transaction
        WHERE payment_id = NEW.payment_id AND kind = 'REFUND' AND status IN ('PENDING', 'PROCESSED');
    IF returned + NEW.amount_minor > captured THEN
        RAISE EXCEPTION 'refunds of % would exceed the capture of %', returned + NEW.amount_minor, captured
            USING ERRCODE = 'check_violation', CONSTRAINT = 'refunds_within_capture';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER refunds_within_capture BEFORE INSERT ON payments_transaction
    FOR EACH ROW WHEN (NEW.kind = 'REFUND' AND NEW.origin = 'OURS')
    EXECUTE FUNCTION payments_bound_refunds();
"""
BACKWARD = """
DROP TRIGGER refunds_within_capture ON payments_transaction;
DROP FUNCTION payments_bound_refunds();
DROP TRIGGER gateway_events_stay ON payments_gatewayevent;
DROP TRIGGER postings_stay ON payments_posting;
DROP TRIGGER ledger_entries_stay ON payments_ledgerentry;
DROP FUNCTION payments_refuse_change();
DROP SEQUENCE payments_payment_number;
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_create_models")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
