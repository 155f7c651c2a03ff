
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('bookings', '0015_remember_former_bookings'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='formerbooking',
            name='former_booking',
        ),
        migrations.AddIndex(
            model_name='formerbooking',
            index=models.Index(fields=['replaced_at'], name='former_booking_by_time'),
        ),
    ]
