from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('reconciliation', '0021_give_large_files_tables_of_their_own'),
    ]

    operations = [
        migrations.AlterField(
            model_name='settlementreport',
            name='counts_from',
            field=models.DateTimeField(blank=True, help_text='The end of the last month that was closed, or of the last day that was locked for its source, when it was matched: what it tells of before counts then.', null=True),
        ),
    ]
