"""Orders as partners keep them: made with their bookings, joined by more, changed and held as one."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction
from django.utils.crypto import salted_hmac

from bookings.errors import InvalidValue, OrderNotOpen, OrderUuidTaken, SettlementMethodNotAllowed
from bookings.free_text import clean_contact, clean_return_url, set_contact
from bookings.models import Booking, BookingStatus, Order, OrderKind, Partner
from bookings.offers import uuid_from_text
from bookings.requests import GiftRequest, OrderChanges, OrderRequest, ReserveRequest
from bookings.selectors import order_to_change
from bookings.services.changes import touch_order, write_changes
from bookings.services.customers import give_order_to_customer
from bookings.services.holds import hold_until
from bookings.services.numbering import new_reference
from bookings.services.orders import bookings_under_lock, holds_of, lock_order, move_expiry, remember_bookings

# What `apply_order_changes` may change beside the hold.
ORDER_TEXTS = ("return_url", "contact", "email_receipt", "customer_id")


def order_uuid_of(text: str) -> UUID:
    """Return the uuid a partner gave an order it makes.

    :raises InvalidValue: it is none.
    """
    uuid = uuid_from_text(text)
    if uuid is None:
        raise InvalidValue("order_id", "is not a uuid")
    return uuid


def new_order(
    *,
    partner: Partner,
    is_live: bool,
    request: OrderRequest,
    currency: str,
    settlement_method: str,
    kind: OrderKind,
    now: datetime,
) -> Order:
    """Return an order that is not saved yet, with what its partner said of it."""
    return Order(
        uuid=order_uuid_of(request.order_id) if request.order_id is not None else uuid4(),
        reference=new_reference("OR"),
        partner=partner,
        kind=kind,
        is_live=is_live,
        currency=currency,
        settlement_method=settlement_method,
        return_url=clean_return_url(request.return_url) if request.return_url else "",
        contact=(clean_contact("contact", request.contact) if request.contact else None) or {},
        email_receipt=bool(request.email_receipt),
        expires_at=hold_until(now=now, minutes=request.expiration_minutes),
        created_at=now,
        updated_at=now,
    )


def settlement_method_of_order(partner: Partner, wanted: str | None) -> str:
    """Return how an order is settled that has no product yet: as asked, else the partner's default.

    :raises SettlementMethodNotAllowed: it is not one of the partner's.
    """
    method = wanted if wanted is not None else partner.default_settlement_method
    if method not in partner.settlement_methods:
        raise SettlementMethodNotAllowed(method, tuple(partner.settlement_methods))
    return method


def locked_order_to_join(partner: Partner, is_live: bool, order_id: str, now: datetime) -> Order:
    """Lock the order a booking or gift wants to join.

    :raises OrderNotFound: the partner has none of this id in this mode.
    :raises OrderNotOpen: it is no hold any more, or its time is over.
    """
    found = order_to_change(partner=partner, is_live=is_live, order_id=order_id)
    order = lock_order(order_id=found.pk)
    check_is_held(order, now)
    return order


def join_order(
    order: Order, bookings: Sequence[Booking], request: ReserveRequest | GiftRequest, *, currency: str, now: datetime
) -> None:
    """Let a booking or gift that is about to be made join a locked order; `bookings` are those it has.

    All that an order holds runs out together, as late as the latest of it. The caller saves the order.

    :raises InvalidValue: it is in another currency.
    :raises SettlementMethodNotAllowed: it is to be settled otherwise than the order.
    """
    if currency != order.currency:
        raise InvalidValue("currency", f"must be that of the order, {order.currency}")
    if request.settlement_method not in (None, order.settlement_method):
        raise SettlementMethodNotAllowed(request.settlement_method, (order.settlement_method,))
    until = hold_until(now=now, minutes=request.expiration_minutes)
    if order.expires_at is None or until > order.expires_at:
        move_expiry(order, holds_of(bookings), until=until, now=now)
    if request.return_url:
        order.return_url = clean_return_url(request.return_url)
    order.kind = OrderKind.CART


def check_is_held(order: Order, now: datetime) -> None:
    """Check that an order is a hold whose time is not over.

    :raises OrderNotOpen: it is not.
    """
    if order.status != BookingStatus.ON_HOLD:
        raise OrderNotOpen(str(order.uuid), f"it is {order.status}")
    if order.expires_at is not None and order.expires_at <= now:
        raise OrderNotOpen(str(order.uuid), "its hold has expired")


@transaction.atomic
def update_order(*, order: Order, changes: OrderChanges, now: datetime) -> Order:
    """Change what an order itself says: contact, receipt, return address, and how long it is held.

    :raises OrderNotOpen: it is neither held nor confirmed, or its hold's time is over.
    :raises InvalidValue: a value cannot be used; nothing was changed.
    """
    order = lock_order(order_id=order.pk)
    if order.status != BookingStatus.CONFIRMED:
        check_is_held(order, now)
    bookings = bookings_under_lock(order)
    before = (
        order.expires_at,
        *(getattr(order, field) for field in ORDER_TEXTS),
    )
    apply_order_changes(order, holds_of(bookings), changes, now=now, fills_bookings=False)
    if before != (
        order.expires_at,
        *(getattr(order, field) for field in ORDER_TEXTS),
    ):
        touch_order(order, now=now, fields=["expires_at", *ORDER_TEXTS])
        moved = holds_of(bookings) if before[0] != order.expires_at else []
        write_changes(order=order, bookings=moved, reason="updated", now=now)
    remember_bookings(order, bookings)
    return order


@transaction.atomic
def extend_order(*, order: Order, minutes: int, now: datetime) -> Order:
    """Let everything an order holds run this many minutes from now, up to the house's cap; never shorter.

    :raises OrderNotOpen: it is no hold, or its time is over.
    """
    order = lock_order(order_id=order.pk)
    check_is_held(order, now)
    return update_order(order=order, changes=OrderChanges(expiration_minutes=minutes), now=now)


def apply_order_changes(
    order: Order, held: Sequence[Booking], changes: OrderChanges, *, now: datetime, fills_bookings: bool = True
) -> None:
    """Change a locked order in memory, and its bookings with it; the caller saves the order and the contacts.

    A contact becomes that of the bookings that have none: tickets and support look for a guest there.

    :raises InvalidValue: a value cannot be used.
    """
    if changes.currency not in (None, order.currency):
        raise InvalidValue("currency", f"cannot be changed; the order is in {order.currency}")
    if changes.contact is not None and (contact := clean_contact("contact", changes.contact)):
        order.contact = contact
    if fills_bookings and order.contact:
        for booking in held:
            if not any((booking.contact_full_name, booking.contact_last_name, booking.contact_email)):
                set_contact(booking, order.contact)
    if changes.customer_reference is not None:
        first = held[0] if held else None
        give_order_to_customer(order=order, booking=first, reference=changes.customer_reference, now=now)
    if changes.email_receipt is not None:
        order.email_receipt = changes.email_receipt
    if changes.return_url is not None:
        order.return_url = clean_return_url(changes.return_url)
    if changes.expiration_minutes is not None:
        until = hold_until(now=now, minutes=changes.expiration_minutes)
        if order.status == BookingStatus.ON_HOLD and order.expires_at is not None and until > order.expires_at:
            move_expiry(order, held, until=until, now=now)


def fingerprint_of_order(request: OrderRequest) -> str:
    """Return a keyed digest of the call that makes an order: guests' names must not be guessable from it."""
    text = json.dumps(asdict(request), sort_keys=True, separators=(",", ":"), default=dict)
    return salted_hmac("bookings.create_order", text, algorithm="sha256").hexdigest()


def order_made_earlier(partner: Partner, is_live: bool, request: OrderRequest, fingerprint: str) -> Order | None:
    """Return the order an earlier call with the same id and content made, if there was one.

    :raises OrderUuidTaken: the id was used for other content.
    """
    uuid = uuid_from_text(request.order_id) if request.order_id is not None else None
    order = Order.objects.filter(partner=partner, is_live=is_live, uuid=uuid).first() if uuid else None
    if order is not None and order.request_fingerprint != fingerprint:
        raise OrderUuidTaken(str(uuid))
    return order
