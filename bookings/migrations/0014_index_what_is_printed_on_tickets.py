from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

# Built beside a working system: nothing waits for them, and they wait for no more than the transactions under way.
NO_LIMITS = "SET statement_timeout = 0; SET lock_timeout = 0"
LIMITS = "RESET statement_timeout; RESET lock_timeout"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('bookings', '0013_index_what_staff_search'),
    ]

    operations = [
        migrations.RunSQL(NO_LIMITS, LIMITS),
        AddIndexConcurrently(
            model_name='booking',
            index=models.Index(fields=['voucher_code'], name='booking_by_voucher_code'),
        ),
        AddIndexConcurrently(
            model_name='unititem',
            index=models.Index(fields=['ticket_code'], name='unit_item_by_ticket_code'),
        ),
        migrations.RunSQL(LIMITS, NO_LIMITS),
    ]
