from django.db import migrations, models
from django.db.models import Q

ASKED_KINDS = ["INVOICE", "TOP_UP"]


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0009_remember_untold_uses_of_gifts"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="asked_minor",
            field=models.BigIntegerField(
                db_default=0, default=0, help_text="What an invoice or a top-up asks for."
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="partner_reference",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="The partner's own reference of an invoice or a top-up.",
                max_length=120,
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="description",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="What an invoice or a top-up is for, as guests read it.",
                max_length=500,
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.UniqueConstraint(
                condition=~Q(partner_reference=""),
                fields=["partner", "is_live", "kind", "partner_reference"],
                name="one_order_per_partner_reference",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=Q(kind__in=ASKED_KINDS, asked_minor__gt=0) | Q(~Q(kind__in=ASKED_KINDS), asked_minor=0),
                name="invoices_and_top_ups_ask",
            ),
        ),
    ]
