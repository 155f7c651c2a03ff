from django.db import migrations

from backoffice.granting import grant

SEEN = ["reconciliation.view_scheduledexport", "reconciliation.view_scheduledrun"]
SET = ["reconciliation.add_scheduledexport", "reconciliation.change_scheduledexport"]


def give(apps, _schema_editor):
    grant(apps, {"Finance": SEEN + SET, "Manager": SEEN + SET, "Auditor": SEEN, "Administrator": SEEN + SET})


class Migration(migrations.Migration):
    dependencies = [
        ("backoffice", "0017_rights_to_keys_of_finance"),
        ("reconciliation", "0008_scheduled_exports"),
    ]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
