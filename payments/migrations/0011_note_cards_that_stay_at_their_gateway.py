from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("payments", "0010_payment_links"),
    ]

    operations = [
        migrations.AddField(
            model_name="cardrevocation",
            name="stays_there",
            field=models.BooleanField(db_default=False, default=False, help_text="The gateway documents no way to delete a card, so it still has it."),
        ),
        migrations.AlterField(
            model_name="cardrevocation",
            name="done_at",
            field=models.DateTimeField(blank=True, help_text="When the gateway no longer had the card, or said that it deletes none.", null=True),
        ),
    ]
