"""What of a booking is due at once and what later: pure, no queries, no clock."""

from collections.abc import Sequence
from datetime import date, timedelta

from bookings.models import Booking, BookingStatus, Order, Product
from bookings.pricing import share_of
from bookings.rules import LIVE_STATUSES, zone_of


def takes_deposit(product: Product) -> bool:
    """Say whether a product names a deposit, so that it can be settled by one."""
    return product.deposit_percent is not None or bool(product.deposit_amounts)


def deposit_of(booking: Booking) -> tuple[int, date | None]:
    """Return what of a booking's price is due at once, in minor units, and when the rest is.

    A booking that is made when the rest is due already owes everything at once, and so does one in a currency for which
    its product names no deposit. Where there is no visit date the rest has none either.
    """
    product = booking.product
    due_date = _balance_due_date(booking)
    made_on = booking.created_at.astimezone(zone_of(product)).date()
    if product.balance_due_days is not None and due_date is not None and made_on >= due_date:
        return booking.retail_minor, due_date
    if product.deposit_percent is not None:
        return share_of(booking.retail_minor, product.deposit_percent), due_date
    amount: int = product.deposit_amounts.get(booking.currency, booking.retail_minor)
    return min(amount, booking.retail_minor), due_date


def kept_of(booking: Booking, *, order: Order, bookings: Sequence[Booking]) -> int:
    """Return what stays with the operator of a booking that is being cancelled too late, in minor units.

    Its deposit does, and of its balance what was paid: the order's money, without what is kept already and what the
    bookings that live on cost. Call it under the order's lock, with all of its bookings, for one after the other.
    """
    kept = sum(other.kept_minor for other in bookings if other.status == BookingStatus.CANCELLED and other != booking)
    live = sum(other.retail_minor for other in bookings if other.status in LIVE_STATUSES and other != booking)
    return max(booking.deposit_minor, min(booking.retail_minor, order.money_in_minor - kept - live))


def _balance_due_date(booking: Booking) -> date | None:
    if booking.availability is None:
        return None
    return booking.availability.local_date - timedelta(days=booking.product.balance_due_days or 0)
