from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from bookings.deposits import kept_of
from bookings.errors import CancellationCutoffPassed, NotCancellable, OrderNotOpen
from bookings.free_text import LONGEST_REASON, clean_text
from bookings.models import Booking, BookingStatus, Gift, Order
from bookings.rules import LIVE_STATUSES, cancellation_cutoff_at, is_gift_bought
from bookings.services.changes import touch_order, write_changes
from bookings.services.gift_holds import end_gifts, gifts_under_lock
from bookings.services.orders import bookings_under_lock, free_seats, lock_order, remember_bookings, settle_status
from bookings.services.units import write_installments


@transaction.atomic
def cancel_booking(
    *, booking: Booking, reason: str | None, force: bool, now: datetime, is_called_off: bool = False
) -> Booking:
    """Cancel a hold or a confirmed booking and free its seats; say how much of the price the guest gets back.

    A booking cancelled in time, or never confirmed, gives a FULL refund, and so does one whose departure the operator
    has called off, however late; one cancelled by force after the cutoff gives NONE. Giving the money back is the
    business of payments.

    :raises NotCancellable: it is neither held nor confirmed, or was redeemed.
    :raises CancellationCutoffPassed: it is confirmed, it is too late, and nobody forces it.
    """
    text = clean_text("reason", reason or "", longest=LONGEST_REASON)
    order = lock_order(order_id=booking.order_id)
    bookings = bookings_under_lock(order)
    booking = next(one for one in bookings if one.pk == booking.pk)
    if booking.status not in LIVE_STATUSES:
        raise NotCancellable(str(booking.uuid), booking.status)
    gifts = gifts_under_lock(order)
    _cancel(order, bookings, [booking], text, force, now, gifts=gifts, is_called_off=is_called_off)
    return booking


@transaction.atomic
def cancel_order(*, order: Order, reason: str | None, force: bool, now: datetime) -> Order:
    """Cancel everything in an order that lives, or nothing of it.

    :raises OrderNotOpen: nothing in it lives.
    :raises NotCancellable, CancellationCutoffPassed: one of its bookings cannot be cancelled; nothing was.
    :raises GiftNotCancellable: somebody has paid with one of its gifts; nothing was cancelled.
    """
    text = clean_text("reason", reason or "", longest=LONGEST_REASON)
    order = lock_order(order_id=order.pk)
    bookings = bookings_under_lock(order)
    gifts = gifts_under_lock(order)
    live = [one for one in bookings if one.status in LIVE_STATUSES]
    if order.status not in LIVE_STATUSES:
        raise OrderNotOpen(str(order.uuid), f"it is {order.status}")
    ended = [gift for gift in gifts if is_gift_bought(gift)]
    _cancel(order, bookings, live, text, force, now, gifts=gifts, ended=ended)
    remember_bookings(order, bookings)
    return order


def _cancel(
    order: Order,
    bookings: list[Booking],
    wanted: list[Booking],
    reason: str,
    force: bool,
    now: datetime,
    *,
    gifts: Sequence[Gift],
    ended: Sequence[Gift] = (),
    is_called_off: bool = False,
) -> None:
    was = {one.pk: {"status": str(one.status)} for one in wanted}
    was |= {gift.pk: {"status": str(gift.status)} for gift in ended}
    order_was = str(order.status)
    for one in wanted:
        if one.redeemed_at is not None:
            raise NotCancellable(str(one.uuid), "redeemed")
        cutoff_at = cancellation_cutoff_at(one)
        has_passed = one.status == BookingStatus.CONFIRMED and cutoff_at is not None and now >= cutoff_at
        is_late = has_passed and not is_called_off
        if is_late and not force:
            raise CancellationCutoffPassed(str(one.uuid))
        one.status = BookingStatus.CANCELLED
        one.cancelled_at = now
        one.cancellation_reason = reason
        one.cancellation_refund = "NONE" if is_late else "FULL"
        one.kept_minor = kept_of(one, order=order, bookings=bookings) if is_late else 0
        one.expires_at = None
        one.updated_at = now
    end_gifts(ended, reason=reason, now=now)
    free_seats(wanted)
    Booking.objects.bulk_update(
        wanted,
        [
            "status",
            "cancelled_at",
            "cancellation_reason",
            "cancellation_refund",
            "kept_minor",
            "expires_at",
            "seats_held",
            "updated_at",
        ],
    )
    write_installments(order, bookings)
    if not (bookings or gifts):
        order.status, order.expires_at = BookingStatus.CANCELLED, None
    touch_order(order, now=now, fields={"status", "expires_at", *settle_status(order, bookings, gifts)})
    before = {"status": order_was}
    write_changes(order=order, bookings=wanted, gifts=ended, reason="cancelled", now=now, before=before, before_of=was)
