from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations

# A check that is not valid of old rows refuses every later change of these, also that a guest is erased from them.
NAME_WHO_PROPOSED = """
UPDATE reconciliation_proposal SET undo_proposed_by = 'migration' WHERE undone_at IS NOT NULL AND undo_proposed_by = ''
"""


class Migration(migrations.Migration):

    dependencies = [("reconciliation", "0016_say_what_test_exports_hold")]

    operations = [
        migrations.RunSQL(NAME_WHO_PROPOSED, migrations.RunSQL.noop),
        ValidateConstraint(model_name="proposal", name="four_eyes_on_an_undo"),
    ]
