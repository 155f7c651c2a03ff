from django.db import migrations

_BY_FIELD = """
CREATE OR REPLACE FUNCTION reconciliation_keep_seal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept reconciliation_exportrun%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := OLD;
        kept.stored_path := NEW.stored_path;
        IF OLD.state NOT IN ('DONE', 'FAILED') THEN
            kept.state := NEW.state;
            kept.problem := NEW.problem;
            kept.tries := NEW.tries;{expected}
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
"""
# How many rows there will be is not known before the last one: nothing is read twice to find out.
FORWARD = _BY_FIELD.format(expected="")
BACKWARD = _BY_FIELD.format(expected="\n            kept.rows_expected := NEW.rows_expected;")


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0022_say_from_when_late_files_count")]

    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RemoveField(model_name="exportrun", name="rows_expected"),
    ]
