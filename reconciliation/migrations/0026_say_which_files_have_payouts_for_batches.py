from django.conf import settings
from django.db import migrations, models

from gateways.registry import gateway_class


def say_of_files_that_came(apps, _schema_editor):
    """Say of every file what its column map says by now: the source's own, else that of its gateway."""
    maps = {slug: gateway_class(slug).settlement_columns for slug in settings.GATEWAYS}
    with_payouts = [slug for slug, columns in maps.items() if columns is not None and columns.batch_is_payout]
    own = models.Q(source__column_map__batch_is_payout=True)
    of_gateway = models.Q(source__column_map__isnull=True, source__account__gateway__in=with_payouts)
    reports = apps.get_model("reconciliation", "SettlementReport").objects
    sources = reports.filter(own | of_gateway).values("source")
    reports.filter(source__in=sources).update(batch_is_payout=True)


class Migration(migrations.Migration):
    dependencies = [
        ("gateways", "0006_announced_reports"),
        ("reconciliation", "0025_count_the_lines_of_batches_that_stand"),
    ]

    operations = [
        migrations.AddField(
            model_name="settlementreport",
            name="batch_is_payout",
            field=models.BooleanField(
                default=False,
                db_default=False,
                help_text="Each of its batches is a payout itself, unless it names its payout: so its column map said.",
            ),
        ),
        migrations.RunPython(say_of_files_that_came, migrations.RunPython.noop),
    ]
