import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
CREATE FUNCTION bookings_remember_former() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bookings_formerbooking (booking_id, availability_id, retail_minor, cancelled_at, replaced_at)
    VALUES (OLD.id, OLD.availability_id, OLD.retail_minor, OLD.cancelled_at,
            CASE WHEN NEW.updated_at > OLD.updated_at THEN NEW.updated_at ELSE clock_timestamp() END);
    RETURN NULL;
END $$;

CREATE TRIGGER former_bookings_are_remembered
    AFTER UPDATE OF availability_id, retail_minor, cancelled_at ON bookings_booking
    FOR EACH ROW
    WHEN ((OLD.availability_id, OLD.retail_minor, OLD.cancelled_at)
          IS DISTINCT FROM (NEW.availability_id, NEW.retail_minor, NEW.cancelled_at))
    EXECUTE FUNCTION bookings_remember_former();
"""
BACKWARD = """
DROP TRIGGER former_bookings_are_remembered ON bookings_booking;
DROP FUNCTION bookings_remember_former();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('bookings', '0014_index_what_is_printed_on_tickets'),
    ]

    operations = [
        migrations.CreateModel(
            name='FormerBooking',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('retail_minor', models.BigIntegerField()),
                ('cancelled_at', models.DateTimeField(null=True)),
                ('replaced_at', models.DateTimeField(help_text='When the booking changed, by the clock of whoever changed it.')),
                ('availability', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='bookings.availability')),
                ('booking', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='former_states', to='bookings.booking')),
            ],
            options={
                'indexes': [models.Index(fields=['booking', 'replaced_at', 'id'], name='former_booking')],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
