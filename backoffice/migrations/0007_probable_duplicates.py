import django.db.models.deletion
from django.db import migrations, models

from backoffice.granting import grant

SEEN = ['backoffice.view_probableduplicate', 'payments.view_casestep']
DONE = ['backoffice.change_probableduplicate']


def give(apps, _schema_editor):
    workers = ('Support', 'Finance', 'Manager', 'Administrator')
    grant(apps, {**dict.fromkeys(workers, SEEN + DONE), 'Auditor': SEEN})


class Migration(migrations.Migration):

    dependencies = [
        ('backoffice', '0006_rights_to_cancel_departures'),
        ('payments', '0015_index_work_queues'),
    ]

    operations = [
        migrations.CreateModel(
            name='ProbableDuplicate',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('found_at', models.DateTimeField()),
                ('dismissed_at', models.DateTimeField(blank=True, null=True)),
                ('dismissed_by', models.CharField(blank=True, max_length=150)),
                ('reason', models.CharField(blank=True, help_text='Why it is no duplicate, or what was done.', max_length=200)),
                ('charge', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='payments.transaction')),
                ('twin', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='payments.transaction')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('dismissed_at__isnull', True)), fields=['found_at'], name='duplicate_open')],
                'constraints': [models.UniqueConstraint(fields=('charge', 'twin'), name='one_duplicate_per_pair'), models.CheckConstraint(condition=models.Q(('charge', models.F('twin')), _negated=True), name='duplicate_of_another_charge'), models.CheckConstraint(condition=models.Q(models.Q(('dismissed_at__isnull', True), ('dismissed_by', ''), ('reason', '')), models.Q(('dismissed_at__isnull', False), models.Q(('dismissed_by', ''), _negated=True), models.Q(('reason', ''), _negated=True)), _connector='OR'), name='dismissed_duplicate_says_why')],
            },
        ),
        migrations.RunPython(give, migrations.RunPython.noop),
    ]
