from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("payments", "0011_note_cards_that_stay_at_their_gateway"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("decided_at__isnull", False)),
                fields=["decided_at"],
                include=["account", "currency", "kind", "status", "amount_minor"],
                name="transaction_by_decision",
            ),
        ),
    ]
