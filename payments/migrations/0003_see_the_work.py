import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0002_guard_the_books")]

    operations = [
        migrations.AlterModelOptions(
            name="payment",
            options={
                "permissions": [
                    ("refund_payment", "Can give money back"),
                    ("capture_payment", "Can capture or release held money"),
                    ("ask_gateway", "Can ask the gateway again"),
                ]
            },
        ),
        migrations.AddField(
            model_name="webhookdelivery",
            name="payment",
            field=models.ForeignKey(
                blank=True,
                help_text="What its news was about, once it was understood.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deliveries",
                to="payments.payment",
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=django.contrib.postgres.indexes.BrinIndex(fields=["created_at"], name="payment_by_time"),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("status", "PENDING")), fields=["requested_at"], name="transaction_pending"
            ),
        ),
    ]
