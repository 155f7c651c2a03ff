from datetime import datetime

from django.db import transaction

from bookings.errors import CancellationCutoffPassed, NotCancellable
from bookings.free_text import LONGEST_REASON, clean_text
from bookings.models import Booking, BookingStatus, Order
from bookings.rules import LIVE_STATUSES, cancellation_cutoff_at
from bookings.services.changes import touch_order, write_changes
from bookings.services.gift_holds import gifts_under_lock
from bookings.services.orders import bookings_under_lock, free_seats, lock_order, settle_status


@transaction.atomic
def cancel_booking(*, booking: Booking, reason: str | None, force: bool, now: datetime) -> Booking:
    """Cancel a hold or a confirmed booking and free its seats; say how much of the price the guest gets back.

    A booking cancelled in time, or never confirmed, gives a FULL refund; one cancelled by force after the cutoff gives
    NONE. Giving the money back is the business of payments.

    :raises NotCancellable: it is neither held nor confirmed, or was redeemed.
    :raises CancellationCutoffPassed: it is confirmed, it is too late, and nobody forces it.
    """
    cancellation_reason = clean_text("reason", reason or "", longest=LONGEST_REASON)
    order = lock_order(order_id=booking.order_id)
    bookings = bookings_under_lock(order)
    booking = next(one for one in bookings if one.pk == booking.pk)
    before = booking.status
    if before not in LIVE_STATUSES or booking.redeemed_at is not None:
        raise NotCancellable(str(booking.uuid), "redeemed" if booking.redeemed_at else before)
    cutoff_at = cancellation_cutoff_at(booking)
    is_late = before == BookingStatus.CONFIRMED and cutoff_at is not None and now >= cutoff_at
    if is_late and not force:
        raise CancellationCutoffPassed(str(booking.uuid))
    free_seats([booking])
    booking.status = BookingStatus.CANCELLED
    booking.cancelled_at = now
    booking.cancellation_reason = cancellation_reason
    booking.cancellation_refund = "NONE" if is_late else "FULL"
    booking.expires_at = None
    booking.updated_at = now
    booking.save(
        update_fields=[
            "status",
            "cancelled_at",
            "cancellation_reason",
            "cancellation_refund",
            "expires_at",
            "seats_held",
            "updated_at",
        ]
    )
    _save_order(order, bookings, booking, before=before, now=now)
    return booking


def _save_order(order: Order, bookings: list[Booking], booking: Booking, *, before: str, now: datetime) -> None:
    touch_order(order, now=now, fields=settle_status(order, bookings, gifts_under_lock(order)))
    write_changes(order=order, bookings=[booking], reason="cancelled", now=now, before={"status": str(before)})
