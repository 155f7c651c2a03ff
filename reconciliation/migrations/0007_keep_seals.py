from django.db import migrations

# What an export was asked to be never changes, and what it came to never changes once it is done; its file may go.
FORWARD = """
CREATE FUNCTION reconciliation_keep_seal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept reconciliation_exportrun%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := OLD;
        kept.stored_path := NEW.stored_path;
        IF OLD.state NOT IN ('DONE', 'FAILED') THEN
            kept.state := NEW.state;
            kept.problem := NEW.problem;
            kept.tries := NEW.tries;
            kept.rows_expected := NEW.rows_expected;
            kept.rows_written := NEW.rows_written;
            kept.totals := NEW.totals;
            kept.sha256 := NEW.sha256;
            kept.byte_count := NEW.byte_count;
            kept.started_at := NEW.started_at;
            kept.finished_at := NEW.finished_at;
        END IF;
        IF kept IS NOT DISTINCT FROM NEW THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'an export is never deleted, and its seal never changed' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER exports_stay_sealed BEFORE UPDATE OR DELETE ON reconciliation_exportrun
    FOR EACH ROW EXECUTE FUNCTION reconciliation_keep_seal();
"""
BACKWARD = """
DROP TRIGGER exports_stay_sealed ON reconciliation_exportrun;
DROP FUNCTION reconciliation_keep_seal();
"""


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0006_name_unknown_types_and_other_lines")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
