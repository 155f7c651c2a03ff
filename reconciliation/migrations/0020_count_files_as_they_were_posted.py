from django.db import migrations, models

# Files that came before stay in the month that reports told them in. They are few.
FILL = """
UPDATE reconciliation_settlementreport f
   SET counts_from = (
       SELECT max(c.ends_at)
         FROM payments_closedperiod c
        WHERE date_trunc('second', c.closed_at + interval '999999 microseconds') < f.loaded_at
          AND (c.reopened_at IS NULL OR c.reopened_at > f.loaded_at))
 WHERE matched_at IS NOT NULL
"""


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0023_index_refunds_by_who_asked'),
        ('reconciliation', '0019_name_payouts_that_change_later'),
    ]

    operations = [
        migrations.AddField(
            model_name='settlementreport',
            name='counts_from',
            field=models.DateTimeField(blank=True, help_text='The end of the last month that was closed when it was matched: what it tells of before counts then.', null=True),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
