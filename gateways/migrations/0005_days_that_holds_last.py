from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('gateways', '0004_accounts_that_take_raw_cards'),
    ]

    operations = [
        migrations.AddField(
            model_name='gatewayaccount',
            name='authorization_days',
            field=models.PositiveSmallIntegerField(db_default=7, default=7, help_text="How many days the processor holds money on a guest's card before it lets go of it, as your contract says. Holds that lapse before a departure are shown to staff."),
        ),
    ]
