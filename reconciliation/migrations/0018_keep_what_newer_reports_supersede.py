import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
CREATE TRIGGER superseded_lines_stay BEFORE UPDATE OR DELETE ON reconciliation_supersededline
    FOR EACH ROW EXECUTE FUNCTION reconciliation_refuse_change();
"""
BACKWARD = "DROP TRIGGER superseded_lines_stay ON reconciliation_supersededline"


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0023_index_refunds_by_who_asked'),
        ('reconciliation', '0017_name_who_undid_alone'),
    ]

    operations = [
        migrations.AddField(
            model_name='settlementreport',
            name='superseded_count',
            field=models.PositiveBigIntegerField(db_default=0, default=0, help_text='Lines of earlier files that it has otherwise, or no more: each is taken back by one of its.'),
        ),
        migrations.AlterField(
            model_name='match',
            name='rule',
            field=models.CharField(choices=[('OPERATION', "the gateway's reference of the operation"), ('PAYMENT', "the gateway's reference of the payment"), ('OURS', 'our reference'), ('SUM', 'several lines or entries of one operation, by their sum'), ('ORDER', 'the order, with amount and day'), ('AMOUNT', 'amount and day, the only ones'), ('BATCH', 'explained by its batch: a fee, a reserve, a payout'), ('OTHER', 'explained by its kind: it moves nothing'), ('BANK', 'the payout of a batch'), ('HAND', 'a person'), ('SUPERSEDED', 'taken back: a newer report of its batch has it otherwise')], max_length=12),
        ),
        migrations.CreateModel(
            name='SupersededLine',
            fields=[
                ('line', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='superseded', serialize=False, to='reconciliation.settlementline')),
                ('entry', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='payments.ledgerentry')),
                ('taken_back_by', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='supersedes', to='reconciliation.settlementline')),
            ],
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
