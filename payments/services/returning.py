"""Give money back to where it came from, newest tender first: gift to gift, credit to credit, card to card."""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings

from bookings.models import BookingStatus, Order
from payments.models import Transaction
from payments.services.surplus import operations_of, write_ways
from payments.services.tenders import lock_tenders, return_to_tender
from payments.services.ways_back import Way, WaysBack


def gives_surcharge_back(order: Order) -> bool:
    """Say whether the surcharge goes back with the price; that of a confirmed order may be kept by the settings."""
    return order.status != BookingStatus.CONFIRMED or bool(settings.PAYMENTS["REFUND_SURCHARGE"])


def give_back(
    *,
    order: Order,
    amount_minor: int,
    reason: str,
    requested_by: str,
    now: datetime,
    returns_surcharge: bool = True,
) -> list[Transaction]:
    """Give so much of a locked order's price back; gifts and credit have theirs at once, cards by the
    operations returned.

    A card has the share of its surcharge with it, as `WaysBack` says. What neither can be given back is left, and
    the caller compares.
    """
    tenders = lock_tenders(order)
    ways = WaysBack(operations_of(order), returns_surcharge=returns_surcharge).plan(amount_minor, tenders)
    return send_back(order=order, ways=ways, reason=reason, requested_by=requested_by, now=now)


def send_back(*, order: Order, ways: Iterable[Way], reason: str, requested_by: str, now: datetime) -> list[Transaction]:
    """Give gifts and credit of a locked order back what is planned, and write the operations that do so for cards.

    What has an obstacle is left alone.
    """
    planned = list(ways)
    for way in planned:
        if way.tender is not None and way.obstacle is None:
            return_to_tender(order=order, tender=way.tender, amount_minor=way.parts.base_minor, now=now)
    return write_ways(planned, reason=reason, requested_by=requested_by, now=now)
