"""Orders that ask for an amount by themselves: invoices, and top-ups of a customer's account."""

from datetime import datetime

from django.db import IntegrityError, transaction

from bookings.errors import InvalidValue, ReferenceTaken
from bookings.free_text import LONGEST_DESCRIPTION, clean_partner_reference, clean_return_url, clean_text
from bookings.models import ASKED_KINDS, BookingStatus, Customer, Order, OrderKind, Partner, SettlementMethod
from bookings.services.changes import touch_order, write_changes
from bookings.services.numbering import new_reference
from money import Money


def create_asked_order(
    *,
    partner: Partner,
    is_live: bool,
    kind: OrderKind,
    amount: Money,
    reference: str,
    description: str,
    customer: Customer | None,
    return_url: str,
    expires_at: datetime | None,
    now: datetime,
) -> Order:
    """Ask for an amount; the order is confirmed as soon as that is paid, and expires when its time is over before.

    `reference` is the partner's own word, one of a kind and mode each; without one the order goes by ours. Without
    `expires_at` it waits until it is paid or cancelled.

    :raises ReferenceTaken: the partner used the reference before.
    :raises InvalidValue: a value cannot be used; nothing was written.
    """
    assert kind in ASKED_KINDS
    if amount.minor <= 0:
        raise InvalidValue("amount", "is not more than nothing")
    if expires_at is not None and expires_at <= now:
        raise InvalidValue("expires_at", "is over already")
    ours = new_reference("OR")
    order = Order(
        reference=ours,
        partner=partner,
        customer=customer,
        kind=kind,
        is_live=is_live,
        currency=amount.currency,
        asked_minor=amount.minor,
        partner_reference=clean_partner_reference(reference) or ours,
        description=clean_text("description", description, longest=LONGEST_DESCRIPTION),
        settlement_method=SettlementMethod.DIRECT,
        return_url=clean_return_url(return_url),
        expires_at=expires_at,
        created_at=now,
        updated_at=now,
    )
    try:
        with transaction.atomic():
            order.save(force_insert=True)
    except IntegrityError:
        mine = Order.objects.filter(partner=partner, is_live=is_live, kind=kind)
        if mine.filter(partner_reference=order.partner_reference).exists():
            raise ReferenceTaken(order.partner_reference) from None
        raise
    order.was_just_made = True
    write_changes(order=order, bookings=(), reason="asked", now=now)
    return order


def note_payment_news(*, order: Order, now: datetime) -> None:
    """Have partners told of a locked order that asks for an amount, though none came or went: its payment has news."""
    touch_order(order, now=now)
    write_changes(order=order, bookings=(), reason="payment_news", now=now)


def confirm_when_covered(order: Order, *, now: datetime) -> list[str]:
    """Confirm a locked asked order whose amount has come in; return the fields that changed, for the caller to save."""
    if order.status != BookingStatus.ON_HOLD or order.money_in_minor < order.asked_minor:
        return []
    order.status = BookingStatus.CONFIRMED
    order.confirmed_at = now
    order.expires_at = None
    return ["status", "confirmed_at", "expires_at"]
