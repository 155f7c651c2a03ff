from datetime import datetime

from django.db import transaction

from bookings.errors import AlreadyConfirmed, HoldExpired, NotConfirmable
from bookings.models import Booking, BookingStatus, Order, UnitItem
from bookings.services.changes import touch_order, write_changes
from bookings.services.numbering import new_code
from bookings.services.orders import bookings_under_lock, lock_order
from bookings.services.units import ticket_code_for


@transaction.atomic
def confirm_order(*, order: Order, now: datetime) -> Order:
    """Confirm every hold of an order and fill its tickets and vouchers, whether or not the hold's time is over.

    It does not look at money: payments decides before it calls.

    :raises AlreadyConfirmed: nothing is on hold any more.
    :raises HoldExpired: the seats were given back; see `retake_seats`.
    :raises NotConfirmable: the order was cancelled, or is in another state that cannot be confirmed.
    """
    order = lock_order(order_id=order.pk)
    bookings = bookings_under_lock(order)
    held = [booking for booking in bookings if booking.status == BookingStatus.ON_HOLD]
    if not held or order.status != BookingStatus.ON_HOLD:
        _refuse(order, bookings)
    for booking in held:
        booking.status = BookingStatus.CONFIRMED
        booking.confirmed_at = now
        booking.expires_at = None
        booking.updated_at = now
        if "VOUCHER" in booking.product.delivery_methods:
            booking.voucher_code = new_code(is_live=booking.is_live)
    Booking.objects.bulk_update(held, ["status", "confirmed_at", "expires_at", "voucher_code", "updated_at"])
    _fill_tickets(held)
    order.status = BookingStatus.CONFIRMED
    order.confirmed_at = now
    order.expires_at = None
    touch_order(order, now=now, fields=["status", "confirmed_at", "expires_at"])
    write_changes(
        order=order, bookings=held, reason="confirmed", now=now, before={"status": str(BookingStatus.ON_HOLD)}
    )
    return order


def _refuse(order: Order, bookings: list[Booking]) -> None:
    if order.status == BookingStatus.CONFIRMED:
        raise AlreadyConfirmed(str(order.pk))
    uuid = str(bookings[0].uuid) if bookings else str(order.pk)
    if order.status == BookingStatus.EXPIRED:
        raise HoldExpired(uuid)
    raise NotConfirmable(uuid, order.status)


def _fill_tickets(bookings: list[Booking]) -> None:
    ticketed = {booking.pk: booking for booking in bookings if "TICKET" in booking.product.delivery_methods}
    if not ticketed:
        return
    items = list(UnitItem.objects.filter(booking__in=ticketed))
    for item in items:
        item.ticket_code = ticket_code_for(ticketed[item.booking_id])
    UnitItem.objects.bulk_update(items, ["ticket_code"])
