"""Refunds as members of staff make them: within their limits at once, above them by a second person."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User

from backoffice.models import Wanted
from backoffice.services.limits import note_tender_return, refuse_above_limit
from bookings.models import Order
from money import Money
from payments.models import Payment
from payments.services import aftercare, order_refunds
from payments.services.guarding import order_version
from payments.services.operations import Clock
from payments.services.order_refunds import Returned, send
from payments.services.previewing import RefundPreview, preview_of, rehearsed, returned_by

Noted = Callable[[Returned], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundWish:
    """Be what is to be given back, and why; `payment` is None where it comes from all that paid the order."""

    what: Wanted
    order: Order
    payment: Payment | None
    money: Money
    reason: str


def version_seen(wish: RefundWish) -> int:
    """Return the number by which the services notice that something happened since a person looked."""
    return wish.payment.transactions.count() if wish.payment is not None else order_version(wish.order)


def preview_refund(wish: RefundWish, *, now: datetime) -> RefundPreview:
    """Return what would be given back to whom; nothing is written.

    :raises PaymentError: as the refund itself would be refused.
    """
    return rehearsed(lambda: preview_of(write_refund(wish, requested_by="", now=now, seen=None, noted=_no_note)))


def refund_now(wish: RefundWish, *, person: User, seen: int, clock: Clock) -> Returned:
    """Give back what a person may give back alone, and send it.

    :raises AboveLimit: it needs a second person; nothing was written.
    :raises NoLimit: the person may give back nothing in the currency; nothing was written.
    :raises PaymentError: it cannot be given back; nothing was written.
    """
    now = clock()

    def noted(returned: Returned) -> None:
        note_tender_return(person=person, order=wish.order, amount_minor=returned.tendered_minor, now=now)
        refuse_above_limit(person=person, order=wish.order, now=now)

    written = write_refund(wish, requested_by=person.get_username(), now=now, seen=seen, noted=noted)
    return send(written, clock)


def write_refund(wish: RefundWish, *, requested_by: str, now: datetime, seen: int | None, noted: Noted) -> Returned:
    """Write the rows of a refund; what is `noted` of it is in the same transaction, or undoes it by raising.

    :raises PaymentError: it cannot be given back; nothing was written.
    """
    if wish.payment is not None:
        refunds = aftercare.request_refund(
            payment_id=wish.payment.pk,
            money=wish.money,
            reason=wish.reason,
            requested_by=requested_by,
            now=now,
            operations_seen=seen,
            noted=lambda rows: noted(returned_by(wish.order, rows)),
        )
        return returned_by(wish.order, refunds)
    write = (
        order_refunds.request_overpayment_return
        if wish.what == Wanted.OVERPAYMENT
        else order_refunds.request_order_refund
    )
    return write(
        order_id=wish.order.pk,
        money=wish.money,
        reason=wish.reason,
        requested_by=requested_by,
        now=now,
        version_seen=seen,
        noted=noted,
    )


def _no_note(_: Returned) -> None:
    """Keep nothing of a rehearsal."""
