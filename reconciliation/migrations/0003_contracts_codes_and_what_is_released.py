import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

# What a match had taken is kept with it when it is undone, whoever undoes it.
FORWARD = """
CREATE TRIGGER fee_contracts_stay BEFORE UPDATE OR DELETE ON reconciliation_feecontract
    FOR EACH ROW EXECUTE FUNCTION reconciliation_refuse_change();
CREATE TRIGGER account_codes_stay BEFORE UPDATE OR DELETE ON reconciliation_accountcode
    FOR EACH ROW EXECUTE FUNCTION reconciliation_refuse_change();

CREATE FUNCTION reconciliation_keep_released_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE reconciliation_match m
       SET released_entry_ids = coalesce(m.released_entry_ids, '{}') || gone.entry_ids
      FROM (SELECT match_id, array_agg(entry_id ORDER BY entry_id) AS entry_ids FROM released GROUP BY match_id) AS gone
     WHERE m.id = gone.match_id;
    RETURN NULL;
END $$;

CREATE TRIGGER released_entries_are_kept AFTER DELETE ON reconciliation_ledgerconsumed
    REFERENCING OLD TABLE AS released
    FOR EACH STATEMENT EXECUTE FUNCTION reconciliation_keep_released_entries();

CREATE FUNCTION reconciliation_keep_released_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE reconciliation_match
       SET released_batch_ids = coalesce(released_batch_ids, '{}') || OLD.id
     WHERE id = (SELECT max(id) FROM reconciliation_match WHERE line_id = OLD.bank_line_id);
    RETURN NULL;
END $$;

CREATE TRIGGER released_batches_are_kept AFTER UPDATE OF bank_line_id ON reconciliation_settlementbatch
    FOR EACH ROW WHEN (OLD.bank_line_id IS NOT NULL AND OLD.bank_line_id IS DISTINCT FROM NEW.bank_line_id)
    EXECUTE FUNCTION reconciliation_keep_released_batch();
"""
BACKWARD = """
DROP TRIGGER released_batches_are_kept ON reconciliation_settlementbatch;
DROP FUNCTION reconciliation_keep_released_batch();
DROP TRIGGER released_entries_are_kept ON reconciliation_ledgerconsumed;
DROP FUNCTION reconciliation_keep_released_entries();
DROP TRIGGER account_codes_stay ON reconciliation_accountcode;
DROP TRIGGER fee_contracts_stay ON reconciliation_feecontract;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('gateways', '0005_days_that_holds_last'),
        ('reconciliation', '0002_guard_lines_and_read_amounts'),
    ]

    operations = [
        migrations.CreateModel(
            name='AccountCode',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('ledger_account', models.CharField(choices=[('RECEIVABLE', 'Receivable'), ('CLEARING', 'Clearing'), ('BANK', 'Bank'), ('FEES', 'Fees'), ('RESERVE', 'Reserve'), ('SURCHARGE', 'Surcharge'), ('DONATION', 'Donation'), ('GIFT_LIABILITY', 'Gift Liability'), ('GIFT_SALES', 'Gift Sales'), ('CUSTOMER_CREDIT', 'Customer Credit'), ('TOP_UPS', 'Top Ups'), ('DISPUTED', 'Disputed'), ('WRITE_OFF', 'Write Off'), ('EXTERNAL', 'External'), ('CONVERSION', 'Conversion')], max_length=20)),
                ('code', models.CharField(help_text='Such as 1361; leading noughts stay.', max_length=40)),
                ('name', models.CharField(blank=True, max_length=120)),
                ('recorded_by', models.CharField(editable=False, max_length=150)),
                ('recorded_at', models.DateTimeField(editable=False)),
            ],
        ),
        migrations.CreateModel(
            name='FeeContract',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('CAPTURE', 'CAPTURE'), ('REFUND', 'REFUND'), ('CHARGEBACK', 'CHARGEBACK')], default='CAPTURE', max_length=20)),
                ('card_brand', models.CharField(blank=True, help_text='As operations show it, such as visa; empty: whatever the card.', max_length=40)),
                ('currency', models.CharField(help_text='In which it is settled; the fixed part is in it.', max_length=3)),
                ('percent', models.DecimalField(decimal_places=4, default=0, help_text='Of gross: 1.4 is 1.4 %.', max_digits=7, validators=[django.core.validators.MinValueValidator(0)])),
                ('fixed_minor', models.BigIntegerField(default=0, help_text='For each line, in minor units.', validators=[django.core.validators.MinValueValidator(0)])),
                ('valid_from', models.DateField(help_text="The first day, in the operator's time zone, on which something settled.")),
                ('valid_through', models.DateField(blank=True, help_text='The last day; empty: until another is recorded.', null=True)),
                ('recorded_by', models.CharField(editable=False, max_length=150)),
                ('recorded_at', models.DateTimeField(editable=False)),
            ],
        ),
        migrations.AddField(
            model_name='match',
            name='released_batch_ids',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), editable=False, null=True, size=None),
        ),
        migrations.AddField(
            model_name='match',
            name='released_entry_ids',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), editable=False, null=True, size=None),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(condition=models.Q(('undone_at__isnull', False)), fields=['undone_at'], name='match_undone'),
        ),
        migrations.AddField(
            model_name='accountcode',
            name='gateway_account',
            field=models.ForeignKey(blank=True, help_text='Empty: for all of them, and where there is none.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='account_codes', to='gateways.gatewayaccount'),
        ),
        migrations.AddField(
            model_name='feecontract',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='fee_contracts', to='gateways.gatewayaccount'),
        ),
        migrations.AddConstraint(
            model_name='feecontract',
            constraint=models.CheckConstraint(condition=models.Q(('fixed_minor__gte', 0), ('percent__gte', 0)), name='contract_fee_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='feecontract',
            constraint=models.CheckConstraint(condition=models.Q(('valid_through__isnull', True), ('valid_through__gte', models.F('valid_from')), _connector='OR'), name='contract_ends_after_it_begins', violation_error_message='It ends before it begins.'),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
