from django.db import migrations

from backoffice.granting import grant

SEEN = ["backoffice.view_departurecancellation"]
PLANNED = [*SEEN, "backoffice.plan_departure_cancellation"]
STARTED = [*PLANNED, "backoffice.start_departure_cancellation"]


def give(apps, _schema_editor):
    grant(
        apps,
        {
            "Support": PLANNED,
            "Finance": STARTED,
            "Manager": STARTED,
            "Auditor": SEEN,
            "Administrator": STARTED,
        },
    )


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0005_cancel_departures")]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
