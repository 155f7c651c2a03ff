
import uuid

import django.db.models.deletion
from django.db import migrations, models

import api.invoices.models


class Migration(migrations.Migration):

    dependencies = [
        ('api', '0003_context_payments'),
        ('bookings', '0011_return_origins_and_mails_of_links'),
        ('payments', '0010_payment_links'),
    ]

    operations = [
        migrations.AlterField(
            model_name='subscription',
            name='event',
            field=models.CharField(choices=[('booking_update', 'Booking Update'), ('order_update', 'Order Update'), ('invoice_update', 'Invoice Update')], max_length=32),
        ),
        migrations.CreateModel(
            name='Invoice',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('public_id', models.CharField(default=api.invoices.models.new_invoice_id, editable=False, max_length=24, unique=True)),
                ('sale_id', models.CharField(default=api.invoices.models.new_sale_id, editable=False, max_length=24, unique=True)),
                ('service', models.CharField(max_length=40)),
                ('tells_token', models.BooleanField(default=False, help_text="Asked for with tokenize: a kept card's token is told.")),
                ('is_instant', models.BooleanField(default=False, help_text='The card may be charged by POST /payment/sale.')),
                ('metadata', models.JSONField(blank=True, default=dict)),
                ('callback', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='api.subscription')),
                ('card', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='payments.reusablecard')),
                ('link', models.OneToOneField(help_text="The guest's page.", on_delete=django.db.models.deletion.PROTECT, related_name='+', to='payments.paymentlink')),
                ('order', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='invoice', to='bookings.order')),
            ],
        ),
        migrations.CreateModel(
            name='InvoiceRefund',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('public_id', models.CharField(default=api.invoices.models.new_refund_id, editable=False, max_length=24, unique=True)),
                ('is_live', models.BooleanField()),
                ('reference', models.CharField(help_text="The partner's own.", max_length=120)),
                ('created_at', models.DateTimeField()),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='api.invoice')),
                ('operations', models.ManyToManyField(related_name='+', to='payments.transaction')),
                ('partner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='bookings.partner')),
            ],
        ),
        migrations.AddConstraint(
            model_name='invoice',
            constraint=models.CheckConstraint(condition=models.Q(('is_instant', False), ('card__isnull', False), _connector='OR'), name='instant_invoice_has_a_card'),
        ),
        migrations.AddConstraint(
            model_name='invoicerefund',
            constraint=models.UniqueConstraint(fields=('partner', 'is_live', 'reference'), name='one_invoice_refund_per_partner_reference'),
        ),
    ]
