from django.db import migrations

from backoffice.granting import grant

SEEN = ["backoffice.view_writeofflimit", "payments.view_closedperiod", "reconciliation.view_proposal"]
DONE = ["payments.close_period"]
AGREED = ["backoffice.agree_writeofflimit"]
SET_UP = ["backoffice.add_writeofflimit", "backoffice.change_writeofflimit", "backoffice.delete_writeofflimit"]


def give(apps, _schema_editor):
    grant(
        apps,
        {
            "Finance": SEEN + DONE,
            "Manager": SEEN + DONE + AGREED,
            "Auditor": SEEN,
            "Administrator": SEEN + DONE + AGREED + SET_UP,
        },
    )


class Migration(migrations.Migration):
    dependencies = [
        ("backoffice", "0014_limits_of_write_offs"),
        ("payments", "0020_guard_closed_periods"),
        ("reconciliation", "0005_propose_how_discrepancies_end"),
    ]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
