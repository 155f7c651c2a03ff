import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
CREATE TRIGGER case_steps_stay BEFORE UPDATE OR DELETE ON payments_casestep
    FOR EACH ROW EXECUTE FUNCTION payments_refuse_change();
"""
BACKWARD = "DROP TRIGGER case_steps_stay ON payments_casestep;"


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0013_amend_notes_by_adding'),
    ]

    operations = [
        migrations.CreateModel(
            name='CaseStep',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('TAKEN', 'Taken'), ('RELEASED', 'Released'), ('NOTED', 'Noted'), ('CLOSED', 'Closed')], max_length=8)),
                ('by', models.CharField(help_text='A staff user name.', max_length=150)),
                ('text', models.CharField(blank=True, help_text='The note, or why the case was closed.', max_length=500)),
                ('at', models.DateTimeField()),
                ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='payments.case')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['NOTED', 'CLOSED']), _negated=True), models.Q(('text', ''), _negated=True), _connector='OR'), name='case_note_and_reason_say_something')],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
