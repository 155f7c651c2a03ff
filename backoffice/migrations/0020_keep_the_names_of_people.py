from django.db import migrations

# By their names the log knows people, limits count what they gave back, and a second person is told from the first, in
# checks of this database as well. A name must therefore be as good as an id: nobody's becomes another, or another's.
FORWARD = """
CREATE FUNCTION backoffice_keep_people() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'nobody is deleted, but made inactive: the name stands for what % did', OLD.username
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.id <> OLD.id OR NEW.username <> OLD.username THEN
        RAISE EXCEPTION 'nobody is renamed: by the name % is told from a second person', OLD.username
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER people_stay_who_they_are BEFORE UPDATE OF id, username OR DELETE ON auth_user
    FOR EACH ROW EXECUTE FUNCTION backoffice_keep_people();
"""
BACKWARD = """
DROP TRIGGER people_stay_who_they_are ON auth_user;
DROP FUNCTION backoffice_keep_people();
"""


class Migration(migrations.Migration):

    dependencies = [
        ("backoffice", "0019_mask_guests_in_reasons"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
