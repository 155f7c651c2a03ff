"""Refunds as members of staff make them: within their limits at once, above them by a second person."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User

from backoffice.models import DepartureReturn, ReturnWay, Wanted
from backoffice.services.limits import note_tender_return, refuse_above_limit, refuse_release
from bookings.models import Order
from money import Money
from payments.models import Case, CaseKind, Payment
from payments.services import aftercare, order_refunds
from payments.services.guarding import order_version
from payments.services.operations import Clock
from payments.services.order_refunds import Returned, send
from payments.services.previewing import RefundPreview, preview_of_refund, returned_by

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
    return preview_of_refund(
        wish.order, lambda: write_refund(wish, requested_by="", now=now, seen=None, noted=_no_note)
    )


def what_to_know(wish: RefundWish) -> list[str]:
    """Return why the guest could have the same money twice: a dispute that nobody closed, and what of a cancelled
    departure was settled by hand, which no book tells.
    """
    disputes = Case.objects.filter(payment__order=wish.order, kind=CaseKind.CHARGEBACK, closed_at__isnull=True)
    by_hand = DepartureReturn.objects.filter(item__order=wish.order, way=ReturnWay.BY_HAND).exclude(item__settled_by="")
    if wish.payment is not None:
        disputes, by_hand = disputes.filter(payment=wish.payment), by_hand.filter(payment=wish.payment)
    told = [
        f"{Money(each.amount_minor, each.currency)} was settled by hand by {each.item.settled_by} "
        f"({each.item.settled_note}): the guest may have it already."
        for each in by_hand.select_related("item").order_by("pk")
    ]
    if disputes.exists():
        told.append("A dispute is open: a refund beside it could pay the guest twice.")
    return told


def refund_now(wish: RefundWish, *, person: User, seen: int, clock: Clock) -> Returned:
    """Give back what a person may give back alone, and send it.

    :raises AboveLimit: it needs a second person; nothing was written.
    :raises MayNotRelease: a part of it is a hold, which the person may not release; nothing was written.
    :raises NoLimit: the person may give back nothing in the currency; nothing was written.
    :raises PaymentError: it cannot be given back; nothing was written.
    """
    now = clock()

    def noted(returned: Returned) -> None:
        note_tender_return(person=person, order=wish.order, amount_minor=returned.tendered_minor, now=now)
        refuse_above_limit(person=person, order=wish.order, now=now)
        refuse_release(person=person, released=Money(returned.released_minor, wish.money.currency))

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
