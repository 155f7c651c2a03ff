"""Reads of what a partner's bookings were charged and given back, one operation at a time.

A payment of ours may be tried more than once, so what a partner is to know by one number for good is the attempt.
"""

from datetime import datetime

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery

from bookings.models import Booking, Customer, OrderKind, Partner
from gateways.errors import ErrorCode
from payments.models import Transaction
from payments.selectors import CHARGE_KINDS
from payments.splitting import NOTHING, Parts
from payments.states import OperationKind, State, Status

# What says how an authorization ended.
_ENDINGS = (OperationKind.CAPTURE, OperationKind.VOID)


def charges_of_bookings(*, partner: Partner, is_live: bool) -> QuerySet[Transaction]:
    """Return every attempt to take money for a partner's bookings in one mode, oldest first.

    Each carries `booking_number`, the first booking of its order, which is paid as a whole, and its captures and
    releases as `children`: two queries for any number of them.
    """
    return _of_bookings(partner, is_live).filter(kind__in=CHARGE_KINDS)


def refunds_of_bookings(*, partner: Partner, is_live: bool) -> QuerySet[Transaction]:
    """Return everything that was or is being given back for a partner's bookings, as `charges_of_bookings` does."""
    return _of_bookings(partner, is_live).filter(kind=OperationKind.REFUND)


def charges_of_top_ups(*, customer: Customer) -> QuerySet[Transaction]:
    """Return every attempt to take money on a customer's account, oldest first, with captures and releases as
    `charges_of_bookings` does.
    """
    charges = Transaction.objects.filter(order__customer=customer, order__kind=OrderKind.TOP_UP, kind__in=CHARGE_KINDS)
    return _with_endings(charges)


def _of_bookings(partner: Partner, is_live: bool) -> QuerySet[Transaction]:
    first_booking = Booking.objects.filter(order=OuterRef("order")).order_by("number").values("number")[:1]
    operations = (
        Transaction.objects.filter(order__partner=partner, order__is_live=is_live)
        .annotate(booking_number=Subquery(first_booking))
        .filter(booking_number__isnull=False)
    )
    return _with_endings(operations)


def _with_endings(operations: QuerySet[Transaction]) -> QuerySet[Transaction]:
    endings = Transaction.objects.filter(kind__in=_ENDINGS).order_by("requested_at")
    return (
        operations.select_related("payment", "order__customer")
        .prefetch_related(Prefetch("children", queryset=endings))
        .order_by("number")
    )


def state_of(charge: Transaction) -> State:
    """Return where one attempt to take money stands, as `charges_of_bookings` read it."""
    if charge.status == Status.PENDING:
        return State.PENDING
    if charge.status == Status.FAILED:
        return State.FAILED
    ended = {(ending.kind, ending.status) for ending in charge.children.all()}
    if (OperationKind.CAPTURE, Status.PROCESSED) in ended:
        return State.CAPTURED
    if (OperationKind.VOID, Status.PROCESSED) in ended:
        return State.VOIDED
    if (OperationKind.CAPTURE, Status.FAILED) in ended:
        return State.FAILED
    return State.CAPTURED if charge.kind == OperationKind.SALE else State.AUTHORIZED


def parts_there(charge: Transaction) -> Parts | None:
    """Return what one attempt took, or holds, in its parts; None where it brought nothing."""
    match state_of(charge):
        case State.CAPTURED if charge.kind == OperationKind.AUTHORIZATION:
            captures = (row.parts for row in charge.children.all() if _is_processed_capture(row))
            return sum(captures, NOTHING)
        case State.CAPTURED | State.AUTHORIZED:
            return charge.parts
        case _:
            return None


def _is_processed_capture(row: Transaction) -> bool:
    return (row.kind, row.status) == (OperationKind.CAPTURE, Status.PROCESSED)


def error_code_of(charge: Transaction) -> ErrorCode:
    """Return why an attempt brought no money; what nobody refused, as a hold that was released, has no better code."""
    codes = [row.error_code for row in (charge, *charge.children.all()) if row.status == Status.FAILED]
    return ErrorCode(codes[0]) if codes else ErrorCode.UNDEFINED_CARD_ERROR


def changed_at(charge: Transaction) -> datetime:
    """Return when the last word about an attempt came."""
    return max(row.decided_at or row.requested_at for row in (charge, *charge.children.all()))
