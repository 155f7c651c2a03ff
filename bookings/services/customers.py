"""Whose order it is: a guest of its own, or the customer that a partner names by its own reference."""

from collections.abc import Mapping
from datetime import datetime

from bookings.free_text import clean_customer_reference
from bookings.models import Booking, Customer, Order, Partner


def guest_name(booking: Booking) -> str:
    """Return the lead guest's name as it was given, in one part or in two."""
    return booking.contact_full_name or f"{booking.contact_first_name} {booking.contact_last_name}".strip()


def customer_for(
    *,
    partner: Partner,
    is_live: bool,
    booking: Booking | None,
    reference: str | None,
    now: datetime,
    contact: Mapping[str, object] | None = None,
) -> Customer:
    """Return the customer an order is for: the one the partner's reference names, or a new one.

    A new one is called as the order's `contact`, in our words, or as the lead guest of its first booking.

    A customer that is known keeps its name and addresses. Nobody is ever recognized by name, e-mail or phone: without
    a reference every booking has a customer of its own.

    :raises InvalidValue: the reference cannot be kept as it is.
    """
    own = contact or {}
    first_and_last = f"{own.get('first_name') or ''} {own.get('last_name') or ''}".strip()
    name = str(own.get("full_name") or "") or first_and_last or (guest_name(booking) if booking else "")
    new = Customer(
        partner=partner,
        is_live=is_live,
        reference=clean_customer_reference(reference) if reference else "",
        full_name=name[:200],
        email=str(own.get("email") or (booking.contact_email if booking else "")),
        phone=str(own.get("phone") or (booking.contact_phone if booking else "")),
        created_at=now,
    )
    if not new.reference:
        new.save(force_insert=True)
        return new
    named = Customer.objects.filter(partner=partner, is_live=is_live, reference=new.reference)
    known = named.first()
    if known is not None:
        return known
    # Of two calls that name somebody new at once, the second takes the first one's row.
    Customer.objects.bulk_create([new], ignore_conflicts=True)
    return named.get()


def give_order_to_customer(*, order: Order, booking: Booking | None, reference: str, now: datetime) -> None:
    """Let a locked order be the named customer's, in memory; the caller saves it."""
    order.customer = customer_for(
        partner=order.partner,
        is_live=order.is_live,
        booking=booking,
        reference=reference,
        now=now,
        contact=order.contact,
    )
