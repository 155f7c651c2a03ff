import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

# Built beside a working system: nothing waits for them, and they wait for no more than the transactions under way.
NO_LIMITS = "SET statement_timeout = 0; SET lock_timeout = 0"
LIMITS = "RESET statement_timeout; RESET lock_timeout"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('bookings', '0013_index_what_staff_search'),
        ('gateways', '0004_accounts_that_take_raw_cards'),
        ('payments', '0016_name_refunds_by_hand'),
    ]

    operations = [
        migrations.RunSQL(NO_LIMITS, LIMITS),
        RemoveIndexConcurrently(
            model_name='transaction',
            name='transaction_by_last4',
        ),
        AddIndexConcurrently(
            model_name='dispute',
            index=models.Index(fields=['gateway_reference'], name='dispute_by_gateway_ref'),
        ),
        AddIndexConcurrently(
            model_name='externalnote',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.search.SearchVector('text', config='simple'), name='external_note_by_words'),
        ),
        AddIndexConcurrently(
            model_name='opening',
            index=models.Index(fields=['-created_at', '-id'], name='opening_by_time'),
        ),
        AddIndexConcurrently(
            model_name='payment',
            index=models.Index(fields=['state', '-number'], name='payment_by_state'),
        ),
        AddIndexConcurrently(
            model_name='payment',
            index=models.Index(condition=models.Q(('state__in', ['CREATED', 'ACTION_REQUIRED', 'EXPIRED'])), fields=['amount_minor', '-number'], name='payment_never_tried'),
        ),
        AddIndexConcurrently(
            model_name='posting',
            index=models.Index(fields=['-posted_at', '-id'], name='posting_by_time'),
        ),
        AddIndexConcurrently(
            model_name='transaction',
            index=models.Index(fields=['card_last4', '-number'], name='transaction_by_card'),
        ),
        AddIndexConcurrently(
            model_name='transaction',
            index=models.Index(fields=['kind', '-number'], name='transaction_by_kind'),
        ),
        AddIndexConcurrently(
            model_name='reusablecard',
            index=models.Index(fields=['-created_at', '-id'], name='card_by_time'),
        ),
        AddIndexConcurrently(
            model_name='case',
            index=models.Index(fields=['closed_at', 'opened_at', 'id'], name='case_by_end'),
        ),
        AddIndexConcurrently(
            model_name='transaction',
            index=models.Index(fields=['amount_minor', 'currency', '-number'], name='transaction_by_amount'),
        ),
        AddIndexConcurrently(
            model_name='transaction',
            index=models.Index(condition=models.Q(('unknown_since_at__isnull', False)), fields=['-number'], name='transaction_unknown'),
        ),
        AddIndexConcurrently(
            model_name='webhookdelivery',
            index=models.Index(fields=['-received_at', '-id'], name='delivery_by_arrival'),
        ),
        migrations.RunSQL(LIMITS, NO_LIMITS),
    ]
