from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0023_index_refunds_by_who_asked")]

    operations = [
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                fields=["status", "-received_at", "-id"],
                condition=models.Q(("status__in", ["ORPHAN", "FAILED"])),
                name="delivery_not_understood",
            ),
        ),
    ]
