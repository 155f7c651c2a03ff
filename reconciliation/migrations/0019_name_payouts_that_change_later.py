from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('reconciliation', '0018_keep_what_newer_reports_supersede'),
    ]

    operations = [
        migrations.AlterField(
            model_name='discrepancy',
            name='kind',
            field=models.CharField(choices=[('MISSING_HERE', 'settled, and not in our books'), ('MISSING_THERE', 'in our books, and not settled in time'), ('AMOUNT', 'another amount'), ('CURRENCY', 'another currency'), ('DUPLICATE', 'settled twice'), ('FEE', 'fees or exchange that do not add up'), ('LATE', 'settled late'), ('UNDECIDED', 'settled, and not yet done here'), ('AMBIGUOUS', 'could be several'), ('UNKNOWN_TYPE', 'a type of line we do not know'), ('UNBALANCED_BATCH', 'a batch that does not add up'), ('NOT_IN_BANK', 'paid out, and not at the bank'), ('UNKNOWN_CREDIT', 'at the bank, and no payout we know'), ('SETTLED_AFTER_ALL', 'written off, and settled after all'), ('ANOTHER_PAYOUT', 'a payout written off, and of another amount since')], max_length=20),
        ),
    ]
