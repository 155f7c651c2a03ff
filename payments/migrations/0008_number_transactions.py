from django.db import migrations, models


class Migration(migrations.Migration):
    """Give every transaction a number to be known by; rows that are there are numbered as they lie."""

    dependencies = [
        ('payments', '0008_card_charges_and_donations'),
    ]

    operations = [
        migrations.RunSQL(
            sql="CREATE SEQUENCE payments_transaction_number AS bigint START WITH 700001",
            reverse_sql="DROP SEQUENCE payments_transaction_number",
        ),
        migrations.AddField(
            model_name='transaction',
            name='number',
            field=models.BigIntegerField(db_default=models.Func(models.Value('payments_transaction_number'), function='nextval', output_field=models.BigIntegerField()), editable=False, unique=True),
        ),
    ]
