from django.db import migrations

from backoffice.granting import grant

SEEN = ["api.view_financekey"]
MINTED = ["api.add_financekey", "api.change_financekey"]


def give(apps, _schema_editor):
    grant(apps, {"Finance": SEEN, "Manager": SEEN, "Auditor": SEEN, "Administrator": SEEN + MINTED})


class Migration(migrations.Migration):
    dependencies = [
        ("api", "0007_finance_keys"),
        ("backoffice", "0016_rights_to_announced_reports"),
    ]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
