from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("payments", "0022_index_the_numbers_in_notes"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("kind", "REFUND")),
                fields=["requested_by", "requested_at"],
                name="refund_by_who_asked",
            ),
        ),
    ]
