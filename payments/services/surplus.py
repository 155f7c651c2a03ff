"""Give money back: which captures and holds an amount is taken from, as rows that a worker sends."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from bookings.models import Order
from card_numbers import mask_card_numbers
from money import Money
from payments.models import CaseKind, Origin, Payment, Transaction
from payments.models.claims import claimed_from_the_start
from payments.references import new_reference
from payments.services.cases import open_case
from payments.splitting import NOTHING, Parts, part_of, share_of
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
    return Transaction.objects.create(
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


@dataclass(frozen=True, slots=True)
class Refundable:
    """Say what of a sale or capture can still be given back, at most, and in which parts its attempt as a whole can."""

    amount_minor: int
    attempt: Parts


def refundable_of_payment(payment: Payment) -> Money:
    """Return what of a payment can still be given back; only under the payment's lock does it stay so."""
    taken = payment.transactions.filter(kind__in=[OperationKind.SALE, OperationKind.CAPTURE], status=Status.PROCESSED)
    of_each = sum(refundable_of(row).amount_minor for row in taken)
    return Money(max(0, min(of_each, left_minor(payment))), payment.currency)


def refundable_of(taken: Transaction) -> Refundable:
    """Return what of a sale or capture is neither given back nor being given back, surcharge and donation included.

    A processor names the payment, not the capture, when it tells of a refund or chargeback of its own; so what has
    gone back is counted over the whole payment at the gateway.
    """
    root_id = taken.parent_id if taken.kind == OperationKind.CAPTURE else taken.id
    rows = (
        Transaction.objects.filter(Q(id=root_id) | Q(parent_id=root_id) | Q(parent__parent_id=root_id))
        .filter(
            Q(kind__in=[OperationKind.SALE, OperationKind.CAPTURE, OperationKind.CHARGEBACK], status=Status.PROCESSED)
            | Q(kind=OperationKind.REFUND, status__in=[Status.PENDING, Status.PROCESSED])
        )
        .values_list("kind")
        .annotate(amount=Sum("amount_minor"), surcharge=Sum("surcharge_minor"), donation=Sum("donation_minor"))
    )
    there = NOTHING
    for kind, *sums in rows:
        parts = Parts.of(*sums)
        there = there + parts if kind in (OperationKind.SALE, OperationKind.CAPTURE) else there - parts
    amount = max(0, there.amount_minor)
    surcharge = max(0, min(there.surcharge_minor, amount))
    donation = max(0, min(there.donation_minor, amount - surcharge))
    return Refundable(
        amount_minor=min(taken.amount_minor, amount),
        attempt=Parts.of(amount, surcharge, donation),
    )


def left_minor(payment: Payment) -> int:
    """Return what of a payment as a whole is neither given back, being given back nor charged back, in minor units."""
    returning = payment.transactions.filter(kind=OperationKind.REFUND, status=Status.PENDING).aggregate(
        total=Sum("amount_minor")
    )
    given_back = payment.refunded_minor + payment.charged_back_minor + (returning["total"] or 0)
    return payment.captured_minor - given_back


def refund_rows(
    taken: Iterable[Transaction], *, amount_minor: int, reason: str, requested_by: str, now: datetime
) -> list[Transaction]:
    """Write the refunds that give an amount back, from these sales and captures in their order, as far as they go.

    Of each attempt the price goes back first, then the surcharge, and the donation last.
    """
    left = amount_minor
    refunds = []
    for row in taken:
        there = refundable_of(row)
        amount = min(left, there.amount_minor) if left > 0 else 0
        if amount > 0:
            parts = part_of(amount, there.attempt)
            refunds.append(_refund(row, parts, reason=reason, requested_by=requested_by, now=now))
            left -= amount
    return refunds


def plan_return(
    *,
    order: Order,
    amount_minor: int,
    reason: str,
    requested_by: str,
    now: datetime,
    newest: Transaction | None = None,
    returns_surcharge: bool = True,
    asked_after: datetime | None = None,
) -> list[Transaction]:
    """Write the operations that give so much of an order's price back: holds are released first, then captures
    refunded, newest first.

    The share of the surcharge that was paid on it goes back with it, unless `returns_surcharge` is off; all of it with
    the last of the price, and a donation with it. Call it under the order's lock. A hold is released whole or not at
    all. Only what was asked after `asked_after` is looked at. Returns the rows; what cannot be given back by any of
    them is left, and the caller compares.
    """
    left = amount_minor
    operations: list[Transaction] = []
    of_order = Transaction.objects.filter(order=order).select_related("parent")
    if asked_after is not None:
        of_order = of_order.filter(requested_at__gt=asked_after)
    rows = list(of_order.filter(kind__in=[OperationKind.SALE, OperationKind.CAPTURE], status=Status.PROCESSED))
    rows += unused_holds(of_order)
    rows.sort(key=lambda row: (row.requested_at, row.id), reverse=True)
    rows.sort(key=lambda row: (row != newest, row.kind != OperationKind.AUTHORIZATION))
    for row in rows:
        if left <= 0:
            break
        if row.kind == OperationKind.AUTHORIZATION:
            if row.parts.base_minor <= left:
                operations.append(
                    new_operation(
                        parent=row,
                        kind=OperationKind.VOID,
                        parts=row.parts,
                        reason=reason,
                        requested_by=requested_by,
                        now=now,
                    )
                )
                left -= row.parts.base_minor
            continue
        parts = _returned_of(refundable_of(row), left, returns_surcharge=returns_surcharge)
        if parts.amount_minor > 0:
            operations.append(_refund(row, parts, reason=reason, requested_by=requested_by, now=now))
            left -= parts.base_minor
    return operations


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
    taken = Transaction.objects.filter(
        Q(surcharge_minor__gt=0) | Q(donation_minor__gt=0),
        order=order,
        status=Status.PROCESSED,
        kind__in=[OperationKind.SALE, OperationKind.CAPTURE],
    )
    refunds = []
    for row in taken.order_by("-requested_at", "-id"):
        there = refundable_of(row)
        if there.attempt.base_minor == 0 and there.amount_minor > 0:
            parts = part_of(there.amount_minor, there.attempt)
            refunds.append(_refund(row, parts, reason=reason, requested_by=requested_by, now=now))
    return refunds


def _returned_of(there: Refundable, wanted_minor: int, *, returns_surcharge: bool) -> Parts:
    """Return what goes back of a sale or capture when so much of the price is to."""
    room = there.attempt
    if not returns_surcharge:
        room = Parts(room.base_minor, 0, room.donation_minor)
    base = min(wanted_minor, room.base_minor, there.amount_minor)
    if base <= 0:
        return NOTHING
    if share_of(base, room).amount_minor > there.amount_minor:
        # One of several captures: as much of the price as leaves room for its share of the surcharge.
        base = there.amount_minor * room.base_minor // room.amount_minor
    return share_of(base, room)


def _refund(taken: Transaction, parts: Parts, *, reason: str, requested_by: str, now: datetime) -> Transaction:
    return new_operation(
        parent=taken,
        kind=OperationKind.REFUND,
        parts=parts,
        reason=reason,
        requested_by=requested_by,
        now=now,
    )


def return_surplus(*, order: Order, newest: Transaction, amount_minor: int, now: datetime) -> list[Transaction]:
    """Give back, once, what a late or second success brought beyond what was due, with the surcharge on it, and show it
    to staff.
    """
    operations = plan_return(
        order=order,
        amount_minor=amount_minor,
        reason="paid more than was due",
        requested_by="system",
        now=now,
        newest=newest,
    )
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
