from django.db import migrations

# A guest's right to be erased is stronger than the rule that what people did about a case stays as it is: of a step
# the words may go, and nothing may come in their place.
FORWARD = """
DROP TRIGGER case_steps_stay ON payments_casestep;

CREATE FUNCTION payments_erase_or_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    erased payments_casestep%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        erased := OLD;
        erased.text := '(erased)';
        IF erased IS NOT DISTINCT FROM NEW AND OLD.text <> '' THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'what people did about a case is never changed or deleted' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER case_steps_stay BEFORE UPDATE OR DELETE ON payments_casestep
    FOR EACH ROW EXECUTE FUNCTION payments_erase_or_refuse_change();
"""
BACKWARD = """
DROP TRIGGER case_steps_stay ON payments_casestep;
DROP FUNCTION payments_erase_or_refuse_change();
CREATE TRIGGER case_steps_stay BEFORE UPDATE OR DELETE ON payments_casestep
    FOR EACH ROW EXECUTE FUNCTION payments_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0017_index_what_staff_search")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
