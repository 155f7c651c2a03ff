from django.db import migrations


class Migration(migrations.Migration):
    """Create the sequences that number customers and bookings; the tables' defaults name them."""

    initial = True
    dependencies = []

    operations = [
        migrations.RunSQL(
            sql="CREATE SEQUENCE customer_number AS bigint START WITH 100001",
            reverse_sql="DROP SEQUENCE customer_number",
        ),
        migrations.RunSQL(
            sql="CREATE SEQUENCE booking_number AS bigint START WITH 500001",
            reverse_sql="DROP SEQUENCE booking_number",
        ),
    ]
