from django.db import migrations


class Migration(migrations.Migration):
    """Bring outgoing mails and deposits together; they touch different tables."""

    dependencies = [("bookings", "0003_keep_outgoing_mails"), ("bookings", "0004_terms_of_deposits")]

    operations = []
