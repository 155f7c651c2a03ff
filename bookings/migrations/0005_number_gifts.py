from django.db import migrations


class Migration(migrations.Migration):
    """Create the sequence that numbers gifts; the table's default names it."""

    dependencies = [("bookings", "0004_keep_outgoing_mails")]

    operations = [
        migrations.RunSQL(
            sql="CREATE SEQUENCE gift_number AS bigint START WITH 700001", reverse_sql="DROP SEQUENCE gift_number"
        ),
    ]
