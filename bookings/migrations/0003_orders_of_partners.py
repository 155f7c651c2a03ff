import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    """Give orders a name for partners (theirs, or ours: until now the id), a contact, and what tells a repeat."""

    dependencies = [("bookings", "0002_create_models")]

    operations = [
        migrations.AddField(
            model_name="order",
            name="contact",
            field=models.JSONField(blank=True, default=dict, help_text="Names as in Booking's contact_ fields."),
        ),
        migrations.AddField(
            model_name="order",
            name="email_receipt",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="order",
            name="request_fingerprint",
            field=models.CharField(
                blank=True, editable=False, help_text="SHA-256 of the call that made a cart; tells a repeat.", max_length=64
            ),
        ),
        migrations.AddField(model_name="order", name="uuid", field=models.UUIDField(null=True)),
        migrations.RunSQL("UPDATE bookings_order SET uuid = id", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="order",
            name="uuid",
            field=models.UUIDField(default=uuid.uuid4, help_text="What the partner calls the order."),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.UniqueConstraint(fields=["partner", "is_live", "uuid"], name="one_order_per_partner_uuid"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["partner", "is_live", "-updated_at"], name="order_by_update"),
        ),
    ]
