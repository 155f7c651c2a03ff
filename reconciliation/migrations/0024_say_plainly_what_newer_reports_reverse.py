from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('reconciliation', '0023_count_rows_as_they_are_written'),
    ]

    operations = [
        migrations.AlterField(
            model_name='settlementreport',
            name='superseded_count',
            field=models.PositiveBigIntegerField(db_default=0, default=0, help_text='Lines of earlier files that this one corrects or leaves out; each is reversed by one of its own.'),
        ),
    ]
