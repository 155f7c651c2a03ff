from django.db import migrations

from backoffice.granting import grant

SEEN = ["gateways.view_announcedreport"]


def give(apps, _schema_editor):
    grant(apps, {"Finance": SEEN, "Manager": SEEN, "Auditor": SEEN, "Administrator": SEEN})


class Migration(migrations.Migration):
    dependencies = [
        ("backoffice", "0015_rights_to_work_on_discrepancies"),
        ("gateways", "0006_announced_reports"),
    ]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
