from django.db import migrations

from backoffice.granting import grant

SEEN = [
    "reconciliation.view_badline",
    "reconciliation.view_batchposting",
    "reconciliation.view_discrepancy",
    "reconciliation.view_discrepancyevent",
    "reconciliation.view_ledgerconsumed",
    "reconciliation.view_match",
    "reconciliation.view_settlementbatch",
    "reconciliation.view_settlementline",
    "reconciliation.view_settlementreport",
    "reconciliation.view_settlementsource",
]
DONE = [
    "reconciliation.add_settlementsource",
    "reconciliation.approve_discrepancies",
    "reconciliation.change_settlementsource",
    "reconciliation.import_settlement",
    "reconciliation.work_discrepancies",
]


def give(apps, _schema_editor):
    grant(
        apps, {"Finance": SEEN + DONE, "Manager": SEEN + DONE, "Auditor": SEEN, "Administrator": SEEN + DONE}
    )


class Migration(migrations.Migration):
    dependencies = [
        ("backoffice", "0007_probable_duplicates"),
        ("reconciliation", "0001_create_models"),
    ]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
