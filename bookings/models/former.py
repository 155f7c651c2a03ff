from django.db import models

from bookings.models.catalog import Availability
from bookings.models.order import Booking


class FormerBooking(models.Model):
    """Be what a booking was before it changed: its departure, its price, and whether it was cancelled.

    A trigger writes the row. Whoever asks how things stood at a moment takes the first one that was replaced after it,
    and the booking itself where there is none.
    """

    id = models.BigAutoField(primary_key=True)
    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="former_states", db_index=False)
    availability = models.ForeignKey(
        Availability, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    retail_minor = models.BigIntegerField()
    cancelled_at = models.DateTimeField(null=True)
    replaced_at = models.DateTimeField(help_text="When the booking changed, by the clock of whoever changed it.")

    class Meta:
        # Reports ask for what has changed since a moment, of all bookings.
        indexes = [models.Index(fields=["replaced_at"], name="former_booking_by_time")]

    def __str__(self) -> str:
        return f"{self.booking_id} until {self.replaced_at:%Y-%m-%d %H:%M:%S}"
