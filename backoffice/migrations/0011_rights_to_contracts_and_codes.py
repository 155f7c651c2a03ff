from django.db import migrations

from backoffice.granting import grant

SEEN = ["reconciliation.view_accountcode", "reconciliation.view_feecontract"]
DONE = ["reconciliation.add_accountcode", "reconciliation.add_feecontract"]


def give(apps, _schema_editor):
    grant(apps, {"Finance": SEEN + DONE, "Manager": SEEN + DONE, "Auditor": SEEN, "Administrator": SEEN + DONE})


class Migration(migrations.Migration):
    dependencies = [
        ("backoffice", "0010_rights_to_agree_to_limits"),
        ("reconciliation", "0003_contracts_codes_and_what_is_released"),
    ]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
