from django.db import migrations

from backoffice.granting import grant

EXPORT = ["reconciliation.export_reports", "reconciliation.view_exportrun"]


def give(apps, _schema_editor):
    grant(apps, {"Finance": EXPORT, "Manager": EXPORT, "Auditor": EXPORT[1:], "Administrator": EXPORT})


class Migration(migrations.Migration):
    dependencies = [
        ("backoffice", "0011_rights_to_contracts_and_codes"),
        ("reconciliation", "0004_export_runs"),
    ]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
