"""Confirm a booking as a partner does, with what it sends."""

from typing import Any

from bookings.models import Booking
from bookings.requests import BookingChanges, UnitItemRequest
from payments.services.at_once import Confirmation
from payments.services.collecting import PaymentRequest
from payments.services.confirming import confirm_booking
from tests.payments.house import House


def confirm(house: House, booking: Booking, changes: BookingChanges | None = None, **request: Any) -> Confirmation:
    """Confirm a booking, with what its partner changes and what it says of the payment."""
    return confirm_booking(booking=booking, changes=changes, request=PaymentRequest(**request), clock=house.clock)


def adults(house: House, count: int) -> BookingChanges:
    """Return the change that makes a booking one of so many adults."""
    return BookingChanges(unit_items=tuple(UnitItemRequest(unit_id=str(house.adult.pk)) for _ in range(count)))
