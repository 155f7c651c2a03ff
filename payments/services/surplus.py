"""Give money back to cards: the rows of what `ways_back` plans, which a worker sends."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet, Sum

from bookings.models import Order
from bookings.prepared import insert_row
from card_numbers import mask_card_numbers
from money import Money
from payments.models import CaseKind, Origin, Payment, Transaction
from payments.models.claims import claimed_from_the_start
from payments.references import new_reference
from payments.services.cases import open_case
from payments.services.ways_back import Refundable, Way, WaysBack
from payments.splitting import Parts
from payments.states import OperationKind, Status


def new_operation(
    *,
    parent: Transaction,
    kind: OperationKind,
    parts: Parts,
    reason: str,
    requested_by: str,
    now: datetime,
    is_claimed: bool = False,
) -> Transaction:
    """Commit the row of an operation of ours before the gateway hears of it; its key and its parts never change again.

    A caller that sends it at once, when its transaction is committed, has it claimed from the start.
    """
    reference = new_reference("tx")
    operation = Transaction(
        payment_id=parent.payment_id,
        order_id=parent.order_id,
        account_id=parent.account_id,
        opening_id=parent.opening_id,
        parent=parent,
        kind=kind,
        origin=Origin.OURS,
        amount_minor=parts.amount_minor,
        surcharge_minor=parts.surcharge_minor,
        donation_minor=parts.donation_minor,
        currency=parent.currency,
        reference=reference,
        idempotency_key=reference,
        reason=mask_card_numbers(reason)[:200],
        requested_by=requested_by[:150],
        requested_at=now,
        **(claimed_from_the_start(now) if is_claimed else {}),
    )
    insert_row(operation)
    return operation


def refundable_of_payment(payment: Payment) -> Money:
    """Return what of a payment can still be given back; only under the payment's lock does it stay so."""
    taken = payment.transactions.filter(kind__in=[OperationKind.SALE, OperationKind.CAPTURE], status=Status.PROCESSED)
    ways_back = WaysBack(payment.transactions.all())
    of_each = sum(ways_back.refundable_of(row).amount_minor for row in taken)
    return Money(max(0, min(of_each, left_minor(payment))), payment.currency)


def refundable_of(taken: Transaction) -> Refundable:
    """Return what of a sale or capture is neither given back nor being given back."""
    return WaysBack(Transaction.objects.filter(payment=taken.payment_id)).refundable_of(taken)


def left_minor(payment: Payment) -> int:
    """Return what of a payment as a whole is neither given back, being given back nor charged back, in minor units."""
    returning = payment.transactions.filter(kind=OperationKind.REFUND, status=Status.PENDING).aggregate(
        total=Sum("amount_minor")
    )
    given_back = payment.refunded_minor + payment.charged_back_minor + (returning["total"] or 0)
    return payment.captured_minor - given_back


def refund_rows(
    taken: Sequence[Transaction], *, amount_minor: int, reason: str, requested_by: str, now: datetime
) -> list[Transaction]:
    """Write the refunds that give an amount back, from these sales and captures of one payment in their order, as far
    as they go.

    Of each attempt the price goes back first, then the surcharge, and the donation last.
    """
    ways_back = WaysBack(Transaction.objects.filter(payment__in={row.payment_id for row in taken}))
    ways = ways_back.plan_amount(taken, amount_minor)
    return write_ways(ways, reason=reason, requested_by=requested_by, now=now)


def operations_of(order: Order) -> QuerySet[Transaction]:
    """Return all operations of an order, as `WaysBack` plans by them."""
    return Transaction.objects.filter(order=order).select_related("parent", "account")


def write_ways(ways: Iterable[Way], *, reason: str, requested_by: str, now: datetime) -> list[Transaction]:
    """Write the operations of the ways that lead back to cards and have no obstacle."""
    return [
        new_operation(
            parent=way.parent, kind=way.kind, parts=way.parts, reason=reason, requested_by=requested_by, now=now
        )
        for way in ways
        if way.parent is not None and way.kind is not None and way.obstacle is None
    ]


def unused_holds(transactions: QuerySet[Transaction]) -> QuerySet[Transaction]:
    """Narrow to the authorizations of which no capture or release was asked for or has happened."""
    uses = Transaction.objects.filter(
        parent=OuterRef("pk"), kind__in=[OperationKind.CAPTURE, OperationKind.VOID]
    ).exclude(status=Status.FAILED)
    return transactions.filter(~Exists(uses), kind=OperationKind.AUTHORIZATION, status=Status.PROCESSED)


def refund_leftovers(*, order: Order, reason: str, requested_by: str, now: datetime) -> list[Transaction]:
    """Write the refunds of surcharges and donations whose price has gone back, or is going back, without them.

    Call it under the order's lock, when nothing of the order is to be paid any more.
    """
    ways = WaysBack(operations_of(order)).plan_leftovers()
    return write_ways(ways, reason=reason, requested_by=requested_by, now=now)


def return_surplus(*, order: Order, newest: Transaction, amount_minor: int, now: datetime) -> list[Transaction]:
    """Give back, once, what a late or second success brought beyond what was due, with the surcharge on it, and show it
    to staff.
    """
    ways = WaysBack(operations_of(order)).plan_cards(amount_minor, newest=newest)
    operations = write_ways(ways, reason="paid more than was due", requested_by="system", now=now)
    came, planned = (
        Money(minor, order.currency)
        for minor in (amount_minor, sum(operation.parts.base_minor for operation in operations))
    )
    open_case(
        payment=newest.payment,
        kind=CaseKind.OVERPAID,
        detail=f"{came} more than was due came in; {planned} is being returned",
        now=now,
    )
    return operations
