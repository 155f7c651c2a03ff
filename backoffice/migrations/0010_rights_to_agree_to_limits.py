from django.db import migrations

from backoffice.granting import grant

AGREED = ["backoffice.agree_refundlimit"]


def give(apps, _schema_editor):
    grant(apps, {"Manager": AGREED, "Administrator": AGREED})


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0009_limits_by_two_people")]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
