from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet, Sum

from bookings.compiled import CompiledQuery
from bookings.errors import NotExpirable, SoldOut
from bookings.models import Booking, BookingStatus, Customer, Gift, Order, UnitItem
from bookings.rules import BOUGHT_STATUSES, LIVE_STATUSES, is_asked, is_gift_sold, last_entry_at
from bookings.services.asked_orders import confirm_when_covered
from bookings.services.changes import touch_order, write_changes
from bookings.services.gift_holds import (
    expire_gifts,
    gifts_of,
    gifts_under_lock,
    held_gifts,
    hold_gifts_until,
)
from bookings.services.holds import hold_until
from bookings.services.seats import move_seats

_LOCKED_ORDER = CompiledQuery(
    lambda pk: Order.objects.select_for_update(of=("self",)).select_related("partner").filter(pk=pk)
)
_BOOKINGS_OF_ORDER = CompiledQuery(
    lambda order: (
        Booking.objects.filter(order=order).select_related("product__supplier", "option", "availability").order_by("pk")
    )
)


def lock_order(*, order_id: UUID) -> Order:
    """Lock an order until the caller's transaction ends; every change of the order or its bookings begins here."""
    order = _LOCKED_ORDER.first(pk=order_id)
    if order is None:
        raise Order.DoesNotExist
    return order


def lock_customer(*, customer_id: UUID) -> Customer:
    """Lock a customer until the caller's transaction ends; it comes before every order, whose lock may follow."""
    return Customer.objects.select_for_update(of=("self",)).get(pk=customer_id)


def bookings_under_lock(order: Order) -> list[Booking]:
    """Return the bookings of a locked order as they stand now, with what they sell; the order's lock is theirs too."""
    bookings = _BOOKINGS_OF_ORDER.rows(order=order.pk)
    for booking in bookings:
        booking.order = order
        booking.partner = order.partner
    return bookings


def remember_bookings(order: Order, bookings: list[Booking]) -> None:
    """Let the caller read the bookings that were just written, as if they had been prefetched."""
    prefetched: QuerySet[Booking] = order.bookings.get_queryset()
    # What Django's own prefetch_related_objects leaves behind, without asking the database for what we hold already.
    prefetched._result_cache = list(bookings)
    prefetched._prefetch_done = True  # type: ignore[attr-defined]
    order._prefetched_objects_cache = {"bookings": prefetched}  # type: ignore[attr-defined]


def free_seats(bookings: Iterable[Booking]) -> None:
    """Give back the seats that bookings hold; the caller saves their `seats_held`."""
    deltas: dict[UUID, int] = {}
    for booking in bookings:
        if booking.availability_id and booking.seats_held:
            deltas[booking.availability_id] = deltas.get(booking.availability_id, 0) - booking.seats_held
        booking.seats_held = 0
    move_seats(deltas)


def keep_hold(*, order: Order, until: datetime, now: datetime, bookings: list[Booking] | None = None) -> None:
    """Keep the holds of a locked order until at least this moment, because money or an undecided attempt needs them.

    A caller that has the order's bookings in hand, all of them, passes them.
    """
    if order.status != BookingStatus.ON_HOLD or order.expires_at is None or order.expires_at >= until:
        return
    known = bookings_under_lock(order) if bookings is None else bookings
    set_expiry(order, holds_of(known), until=until, now=now, reason="hold_kept")


def set_expiry(order: Order, bookings: list[Booking], *, until: datetime, now: datetime, reason: str) -> None:
    """Move the expiry of a locked order and its holds, and tell partners."""
    gifts = move_expiry(order, bookings, until=until, now=now)
    touch_order(order, now=now, fields=["expires_at"])
    write_changes(order=order, bookings=bookings, gifts=gifts, reason=reason, now=now)


def move_expiry(order: Order, bookings: Sequence[Booking], *, until: datetime, now: datetime) -> list[Gift]:
    """Let holds of a locked order, and all of its gifts on hold, run until then; return these gifts.

    The caller saves the order and tells partners.
    """
    order.expires_at = until
    for booking in bookings:
        booking.expires_at = until
        booking.updated_at = now
    if bookings:
        Booking.objects.bulk_update(bookings, ["expires_at", "updated_at"])
    gifts = held_gifts(gifts_under_lock(order))
    hold_gifts_until(gifts, until=until, now=now)
    return gifts


def holds_of(bookings: Iterable[Booking]) -> list[Booking]:
    """Return the bookings that are on hold."""
    return [booking for booking in bookings if booking.status == BookingStatus.ON_HOLD]


@transaction.atomic
def expire_order(*, order: Order, now: datetime, keeps_money: bool = False) -> Order:
    """End the holds of an order whose time is over and free their seats.

    `keeps_money` says that somebody was told of money that is on it.

    :raises NotExpirable: it is no hold, its hold still runs, or it has money; nothing was changed.
    """
    order = lock_order(order_id=order.pk)
    if order.status != BookingStatus.ON_HOLD:
        raise NotExpirable(str(order.pk), f"it is {order.status}")
    if order.expires_at is None or order.expires_at > now:
        raise NotExpirable(str(order.pk), "its hold still runs")
    if order.money_in_minor > 0 and not keeps_money:
        raise NotExpirable(str(order.pk), "it has money")
    bookings = bookings_under_lock(order)
    expired = holds_of(bookings)
    free_seats(expired)
    for booking in expired:
        booking.status = BookingStatus.EXPIRED
        booking.updated_at = now
    Booking.objects.bulk_update(expired, ["status", "seats_held", "updated_at"])
    gifts = gifts_under_lock(order)
    ended = held_gifts(gifts)
    expire_gifts(ended, now=now)
    fields = ["status"]
    if any(one.status in LIVE_STATUSES for one in bookings) or any(is_gift_sold(gift) for gift in gifts):
        fields += settle_status(order, bookings, gifts)  # what was confirmed before stays so, and its order with it
    else:
        order.status = BookingStatus.EXPIRED
    touch_order(order, now=now, fields=fields)
    before = {"status": str(BookingStatus.ON_HOLD)}
    write_changes(order=order, bookings=expired, gifts=ended, reason="expired", now=now, before=before)
    return order


@transaction.atomic
def retake_seats(*, order: Order, now: datetime) -> bool:
    """Try to hold the same seats again for an expired order that was paid late; say whether it worked.

    Seats of a tour that has begun, or of a day that has closed, are not taken again: nobody can use them, and a person
    must look at the money. An order that asks for an amount by itself needs no seats: it is open again.
    """
    order = lock_order(order_id=order.pk)
    if order.status != BookingStatus.EXPIRED:
        return False
    if is_asked(order):
        _reopen(order, now)
        return True
    bookings = [booking for booking in bookings_under_lock(order) if booking.status == BookingStatus.EXPIRED]
    gifts = [gift for gift in gifts_under_lock(order) if gift.status == BookingStatus.EXPIRED]
    if not (bookings or gifts) or any(_is_too_late_for(booking, now) for booking in bookings):
        return False
    seated = [booking for booking in bookings if booking.is_live and booking.availability_id]
    seats = dict(
        UnitItem.objects.filter(booking__in=seated).values_list("booking").annotate(seats=Sum("unit__pax_count"))
    )
    deltas: dict[UUID, int] = {}
    for booking in seated:
        booking.seats_held = seats.get(booking.pk, 0)
        if booking.availability_id:
            deltas[booking.availability_id] = deltas.get(booking.availability_id, 0) + booking.seats_held
    try:
        with transaction.atomic():
            move_seats(deltas)
    except SoldOut:
        return False
    until = hold_until(now=now, minutes=None)
    for booking in bookings:
        booking.status = BookingStatus.ON_HOLD
        booking.expires_at = until
        booking.updated_at = now
    Booking.objects.bulk_update(bookings, ["status", "seats_held", "expires_at", "updated_at"])
    hold_gifts_until(gifts, until=until, now=now)
    order.status = BookingStatus.ON_HOLD
    order.expires_at = until
    touch_order(order, now=now, fields=["status", "expires_at"])
    before = {"status": str(BookingStatus.EXPIRED)}
    write_changes(order=order, bookings=bookings, gifts=gifts, reason="seats_retaken", now=now, before=before)
    return True


def _reopen(order: Order, now: datetime) -> None:
    order.status = BookingStatus.ON_HOLD
    order.expires_at = hold_until(now=now, minutes=None)
    fields = {"status", "expires_at", *confirm_when_covered(order, now=now)}
    touch_order(order, now=now, fields=fields)
    was = {"status": str(BookingStatus.EXPIRED)}
    write_changes(order=order, bookings=(), reason="reopened", now=now, before=was)


def record_money(
    *, order: Order, money_in_minor: int, now: datetime, bookings: Iterable[Booking] | None = None
) -> None:
    """Note what the ledger says was taken for a locked order and not given back; the same figure again changes nothing.

    An order that asks for an amount by itself is confirmed as soon as that is there.

    A caller that has the order's bookings in hand, all of them, passes them.
    """
    before: dict[str, object] = {"money_in_minor": order.money_in_minor}
    if order.money_in_minor == money_in_minor:
        return
    order.money_in_minor = money_in_minor
    confirmed = confirm_when_covered(order, now=now) if is_asked(order) else []
    if confirmed:
        before["status"] = str(BookingStatus.ON_HOLD)
    touch_order(order, now=now, fields=["money_in_minor", *confirmed])
    write_changes(
        order=order,
        bookings=order.bookings.only("pk", "order") if bookings is None else bookings,
        gifts=gifts_of(order),
        reason="money_recorded",
        now=now,
        before=before,
    )


def settle_status(order: Order, bookings: Sequence[Booking], gifts: Sequence[Gift] = ()) -> list[str]:
    """Give a locked order the status its bookings and gifts have together; return the fields that changed.

    An order lives while any of them lives; a hold among them keeps the order a hold.
    """
    statuses = [*(booking.status for booking in bookings), *(gift.status for gift in gifts)]
    live = [status for status in statuses if status in BOUGHT_STATUSES]
    if BookingStatus.ON_HOLD in live or not statuses:
        return []
    if live:
        order.status = BookingStatus.CONFIRMED
        order.confirmed_at = order.confirmed_at or max(
            filter(None, [*(one.confirmed_at for one in bookings), *(one.confirmed_at for one in gifts)])
        )
    else:
        order.status = BookingStatus.CANCELLED
    order.expires_at = None
    return ["status", "expires_at", "confirmed_at"]


def _is_too_late_for(booking: Booking, now: datetime) -> bool:
    return booking.availability is not None and last_entry_at(booking.availability, booking.product) <= now
