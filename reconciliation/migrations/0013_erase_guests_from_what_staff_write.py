from django.db import migrations

# A guest's right to be erased is stronger than the rule that what was done stays as it was written: of a text, words may
# go, and nothing may come in their place. "(erased)" stands for whatever was there.
FORWARD = r"""
CREATE FUNCTION reconciliation_only_erases(was text, becomes text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT was <> becomes AND strpos(becomes, '(erased)') > 0 AND was LIKE replace(
        replace(replace(replace(becomes, '\', '\\'), '%', '\%'), '_', '\_'), '(erased)', '%')
$$;

CREATE FUNCTION reconciliation_erase_or_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    erased reconciliation_discrepancyevent%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        erased := OLD;
        erased.detail := NEW.detail;
        IF erased IS NOT DISTINCT FROM NEW AND reconciliation_only_erases(OLD.detail, NEW.detail) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'what was done about a discrepancy is never changed or deleted' USING ERRCODE = 'restrict_violation';
END $$;

DROP TRIGGER discrepancy_events_stay ON reconciliation_discrepancyevent;
CREATE TRIGGER discrepancy_events_stay BEFORE UPDATE OR DELETE ON reconciliation_discrepancyevent
    FOR EACH ROW EXECUTE FUNCTION reconciliation_erase_or_refuse_change();
"""
BACKWARD = """
DROP TRIGGER discrepancy_events_stay ON reconciliation_discrepancyevent;
CREATE TRIGGER discrepancy_events_stay BEFORE UPDATE OR DELETE ON reconciliation_discrepancyevent
    FOR EACH ROW EXECUTE FUNCTION reconciliation_refuse_change();
DROP FUNCTION reconciliation_erase_or_refuse_change();
DROP FUNCTION reconciliation_only_erases(text, text);
"""


class Migration(migrations.Migration):

    dependencies = [("reconciliation", "0012_name_what_was_settled_after_all")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
