from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('bookings', '0011_return_origins_and_mails_of_links'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='installment',
            index=models.Index(condition=models.Q(('amount_minor__gt', 0), ('kind', 'BALANCE')), fields=['due_date'], name='balance_by_due_date'),
        ),
    ]
