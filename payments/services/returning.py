"""Give money back to where it came from, newest tender first: gift to gift, credit to credit, card to card."""

from datetime import datetime

from bookings.models import Order
from payments.models import Transaction
from payments.services.surplus import plan_return
from payments.services.tenders import lock_tenders, return_to_tender


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

    A card has the share of its surcharge with it, as `plan_return` says. What neither can be given back is left, and
    the caller compares.
    """
    left = amount_minor
    operations: list[Transaction] = []
    for tender in lock_tenders(order):
        # What cards paid after this tender did goes first; what is planned twice is counted once.
        planned = plan_return(
            order=order,
            amount_minor=left,
            reason=reason,
            requested_by=requested_by,
            now=now,
            returns_surcharge=returns_surcharge,
            asked_after=tender.paid_at,
        )
        operations += planned
        left -= sum(operation.parts.base_minor for operation in planned)
        if left <= 0:
            return operations
        left -= return_to_tender(order=order, tender=tender, amount_minor=left, now=now)
    if left > 0:
        operations += plan_return(
            order=order,
            amount_minor=left,
            reason=reason,
            requested_by=requested_by,
            now=now,
            returns_surcharge=returns_surcharge,
        )
    return operations
