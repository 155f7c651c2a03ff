from django.db import migrations

# A reason may be about more than one guest: with one of them only the words that name that guest go.
FORWARD = """
CREATE OR REPLACE FUNCTION backoffice_erase_or_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    erased backoffice_auditreason%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        erased := OLD;
        erased.text := NEW.text;
        IF erased IS NOT DISTINCT FROM NEW AND reconciliation_only_erases(OLD.text, NEW.text) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'why something was done is never changed or deleted' USING ERRCODE = 'restrict_violation';
END $$;
"""
BACKWARD = """
CREATE OR REPLACE FUNCTION backoffice_erase_or_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    erased backoffice_auditreason%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        erased := OLD;
        erased.text := '(erased)';
        IF erased IS NOT DISTINCT FROM NEW THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'why something was done is never changed or deleted' USING ERRCODE = 'restrict_violation';
END $$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ("backoffice", "0018_rights_to_schedule_exports"),
        ("reconciliation", "0013_erase_guests_from_what_staff_write"),
    ]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
