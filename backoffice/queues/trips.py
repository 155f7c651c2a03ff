"""Whose rows of a queue are, and when they travel."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, Subquery

from bookings.models import Booking, BookingStatus, Order
from bookings.services.customers import guest_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """Be the guest of an order and the first departure of it that is not cancelled."""

    guest: str = ""
    departs_at: datetime | None = None


NO_TRIP = Trip()


def departure_of(order_path: str) -> Subquery:
    """Return when the order that a path leads to departs first, of what is not cancelled; NULL where it never does."""
    bookings = Booking.objects.filter(order=OuterRef(order_path)).exclude(status=BookingStatus.CANCELLED)
    return Subquery(bookings.order_by("availability__starts_at").values("availability__starts_at")[:1])


def trips_of(order_ids: Collection[UUID]) -> dict[UUID, Trip]:
    """Return guest and departure of orders, in two queries."""
    guests: dict[UUID, str] = {}
    departures: dict[UUID, datetime] = {}
    bookings = Booking.objects.filter(order__in=order_ids).select_related("availability").order_by("number")
    for booking in bookings:
        if name := guest_name(booking):
            guests.setdefault(booking.order_id, name)
        if booking.availability is not None and booking.status != BookingStatus.CANCELLED:
            starts_at = booking.availability.starts_at
            departures[booking.order_id] = min(starts_at, departures.get(booking.order_id, starts_at))
    # Carts, invoices and gifts have a contact of their own.
    for order in Order.objects.filter(pk__in=order_ids).select_related("customer").only("contact", "customer"):
        contact = order.contact
        name = contact.get("full_name") or " ".join(filter(None, (contact.get("first_name"), contact.get("last_name"))))
        name = name or (order.customer.full_name if order.customer is not None else "")
        if name:
            guests.setdefault(order.pk, name)
    return {
        order_id: Trip(guest=guests.get(order_id, ""), departs_at=departures.get(order_id)) for order_id in order_ids
    }
