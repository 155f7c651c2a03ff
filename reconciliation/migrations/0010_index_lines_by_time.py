import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0009_add_up_the_books")]

    operations = [
        migrations.AddIndex(
            model_name="settlementline",
            index=django.contrib.postgres.indexes.BrinIndex(fields=["settled_at"], name="settlement_line_by_time"),
        ),
    ]
