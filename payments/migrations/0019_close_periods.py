from django.db import migrations, models

# A trigger that refuses to change postings stands in the way of filling in the new column of those that are there.
FILL = """
ALTER TABLE payments_posting DISABLE TRIGGER postings_stay;
UPDATE payments_posting SET counts_at = occurred_at;
ALTER TABLE payments_posting ENABLE TRIGGER postings_stay;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0018_erase_what_case_notes_say'),
    ]

    operations = [
        migrations.CreateModel(
            name='ClosedPeriod',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('month', models.DateField(help_text='Its first day.')),
                ('time_zone', models.CharField(max_length=40)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('watermark', models.BigIntegerField(help_text='The last ledger entry that counts.')),
                ('posting_count', models.PositiveBigIntegerField()),
                ('totals', models.JSONField(help_text='What each account moved by, in minor units: mode, account and currency, such as live CLEARING EUR.')),
                ('closed_at', models.DateTimeField()),
                ('closed_by', models.CharField(max_length=150)),
                ('reopened_at', models.DateTimeField(blank=True, null=True)),
                ('reopened_by', models.CharField(blank=True, max_length=150)),
                ('reopened_because', models.CharField(blank=True, max_length=300)),
            ],
            options={
                'permissions': [('close_period', 'Can close a month of the books, and reopen one that somebody else closed')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('reopened_at__isnull', True)), fields=('month',), name='one_closing_per_month'), models.CheckConstraint(condition=models.Q(('month__day', 1), ('starts_at__lt', models.F('ends_at'))), name='closed_period_is_a_month'), models.CheckConstraint(condition=models.Q(models.Q(('reopened_at__isnull', True), ('reopened_because', ''), ('reopened_by', '')), models.Q(('reopened_at__isnull', False), models.Q(('reopened_by', ''), _negated=True), models.Q(('reopened_because', ''), _negated=True)), _connector='OR'), name='reopened_period_says_who_and_why'), models.CheckConstraint(condition=models.Q(('reopened_by', models.F('closed_by')), _negated=True), name='four_eyes_on_a_reopened_period')],
            },
        ),
        migrations.AddField(
            model_name='posting',
            name='counts_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name='posting',
            name='counts_at',
            field=models.DateTimeField(editable=False),
        ),
        migrations.AddIndex(
            model_name='posting',
            index=models.Index(fields=['counts_at'], name='posting_by_period'),
        ),
    ]
