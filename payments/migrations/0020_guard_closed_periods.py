from django.db import migrations

# Months are closed in order, so that everything before the end of the last closed one is closed. Whoever closes a month
# locks out whoever posts meanwhile, and waits for those who have begun (payments/services/periods.py): a trigger
# therefore never misses a closing that its transaction does not see yet. The function is volatile so that it looks anew.
FORWARD = """
CREATE FUNCTION payments_open_from() RETURNS timestamptz LANGUAGE sql AS $$
    SELECT max(ends_at) FROM payments_closedperiod WHERE reopened_at IS NULL
$$;

CREATE FUNCTION payments_count_posting() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    open_from timestamptz := payments_open_from();
BEGIN
    IF NEW.counts_at IS NULL THEN
        NEW.counts_at := greatest(NEW.occurred_at, open_from);
    ELSIF NEW.counts_at < open_from THEN
        RAISE EXCEPTION 'a posting at % lies in a closed period: open from %', NEW.counts_at, open_from
            USING ERRCODE = 'check_violation', CONSTRAINT = 'closed_periods_stay_closed';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER postings_count_in_open_periods BEFORE INSERT ON payments_posting
    FOR EACH ROW EXECUTE FUNCTION payments_count_posting();

-- An entry more under a posting that is there already would change its month as well.
CREATE FUNCTION payments_refuse_closed_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    open_from timestamptz := payments_open_from();
BEGIN
    IF open_from IS NOT NULL AND EXISTS (
        SELECT FROM added JOIN payments_posting p ON p.id = added.posting_id WHERE p.counts_at < open_from)
    THEN
        RAISE EXCEPTION 'a ledger entry of a posting in a closed period: open from %', open_from
            USING ERRCODE = 'check_violation', CONSTRAINT = 'closed_periods_stay_closed';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER entries_count_in_open_periods AFTER INSERT ON payments_ledgerentry
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments_refuse_closed_entries();

CREATE FUNCTION payments_reopen_or_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    reopened payments_closedperiod%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        reopened := OLD;
        reopened.reopened_at := NEW.reopened_at;
        reopened.reopened_by := NEW.reopened_by;
        reopened.reopened_because := NEW.reopened_because;
        IF OLD.reopened_at IS NULL AND NEW.reopened_at IS NOT NULL AND reopened IS NOT DISTINCT FROM NEW THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'a closing is never changed or deleted, only reopened once' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER closings_stay BEFORE UPDATE OR DELETE ON payments_closedperiod
    FOR EACH ROW EXECUTE FUNCTION payments_reopen_or_refuse_change();
"""
BACKWARD = """
DROP TRIGGER closings_stay ON payments_closedperiod;
DROP FUNCTION payments_reopen_or_refuse_change();
DROP TRIGGER entries_count_in_open_periods ON payments_ledgerentry;
DROP FUNCTION payments_refuse_closed_entries();
DROP TRIGGER postings_count_in_open_periods ON payments_posting;
DROP FUNCTION payments_count_posting();
DROP FUNCTION payments_open_from();
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0019_close_periods")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
