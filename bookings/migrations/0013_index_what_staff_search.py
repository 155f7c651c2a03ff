import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.functions.comparison
import django.db.models.functions.text
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

# Built beside a working system: nothing waits for them, and they wait for no more than the transactions under way.
NO_LIMITS = "SET statement_timeout = 0; SET lock_timeout = 0"
LIMITS = "RESET statement_timeout; RESET lock_timeout"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('bookings', '0012_index_balances_by_due_date'),
    ]

    operations = [
        migrations.RunSQL(NO_LIMITS, LIMITS),
        AddIndexConcurrently(
            model_name='booking',
            index=models.Index(django.db.models.functions.text.Upper('reseller_reference'), name='booking_by_reseller_ref_caps'),
        ),
        AddIndexConcurrently(
            model_name='booking',
            index=models.Index(django.db.models.functions.comparison.Collate(django.db.models.functions.text.Upper('contact_email'), 'C'), name='booking_by_email'),
        ),
        AddIndexConcurrently(
            model_name='booking',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.search.SearchVector('contact_full_name', 'contact_first_name', 'contact_last_name', config='simple'), name='booking_by_words_of_name'),
        ),
        AddIndexConcurrently(
            model_name='customer',
            index=models.Index(django.db.models.functions.text.Upper('reference'), name='customer_by_reference_caps'),
        ),
        AddIndexConcurrently(
            model_name='customer',
            index=models.Index(django.db.models.functions.comparison.Collate(django.db.models.functions.text.Upper('email'), 'C'), name='customer_by_email'),
        ),
        AddIndexConcurrently(
            model_name='customer',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.search.SearchVector('full_name', config='simple'), name='customer_by_words_of_name'),
        ),
        AddIndexConcurrently(
            model_name='gift',
            index=models.Index(django.db.models.functions.comparison.Collate(django.db.models.functions.text.Upper('recipient_email'), 'C'), name='gift_by_email'),
        ),
        AddIndexConcurrently(
            model_name='gift',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.search.SearchVector('recipient_full_name', config='simple'), name='gift_by_words_of_name'),
        ),
        AddIndexConcurrently(
            model_name='order',
            index=models.Index(fields=['-created_at', '-id'], name='order_by_time'),
        ),
        AddIndexConcurrently(
            model_name='order',
            index=models.Index(django.db.models.functions.text.Upper('partner_reference'), name='order_by_partner_ref_caps'),
        ),
        AddIndexConcurrently(
            model_name='order',
            index=models.Index(condition=models.Q(('kind', 'BOOKING'), _negated=True), fields=['customer'], name='order_of_other_guest'),
        ),
        migrations.RunSQL(LIMITS, NO_LIMITS),
    ]
