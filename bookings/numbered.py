"""Reads by the numbers under which the resource and context APIs show bookings and customers."""

import re

from django.db.models import QuerySet

from bookings.errors import BookingNotFound, CustomerNotFound
from bookings.models import Booking, Customer, Partner

# What fits into PostgreSQL's bigint.
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


def number_from_text(text: str) -> int:
    """Return the number that a text is; 0, which nothing of ours has, where it can be none."""
    return int(text) if _NUMBER.fullmatch(text) else 0


def booking_by_number(*, partner: Partner, is_live: bool, number: str) -> Booking:
    """Return a partner's booking of one mode with its order, its departure and whose it is.

    :raises BookingNotFound: the text is no number, or none of this partner's bookings has it.
    """
    found = bookings_by_number(partner=partner, is_live=is_live).filter(number=number_from_text(number)).first()
    if found is None:
        raise BookingNotFound(number)
    return found


def bookings_by_number(*, partner: Partner, is_live: bool) -> QuerySet[Booking]:
    """Return a partner's bookings of one mode, oldest first, each with its order, its departure and whose it is."""
    bookings = Booking.objects.filter(partner=partner, is_live=is_live)
    return bookings.select_related("order__customer", "product", "availability").order_by("number")


def customer_by_number(*, partner: Partner, is_live: bool, number: str) -> Customer:
    """Return a partner's customer of one mode.

    :raises CustomerNotFound: the text is no number, or none of this partner's customers has it.
    """
    customers = Customer.objects.filter(partner=partner, is_live=is_live)
    found = customers.filter(number=number_from_text(number)).first()
    if found is None:
        raise CustomerNotFound(number)
    return found
