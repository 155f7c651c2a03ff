"""Give money back: which captures and holds an amount is taken from, as rows that a worker sends."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from bookings.models import Order
from card_numbers import mask_card_numbers
from money import Money
from payments.models import CaseKind, Origin, Payment, Transaction
from payments.models.claims import claimed_from_the_start
from payments.references import new_reference
from payments.services.cases import open_case
from payments.states import OperationKind, Status


def new_operation(
    *,
    parent: Transaction,
    kind: OperationKind,
    amount_minor: int,
    reason: str,
    requested_by: str,
    now: datetime,
    is_claimed: bool = False,
) -> Transaction:
    """Commit the row of an operation of ours before the gateway hears of it; its key never changes again.

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
        amount_minor=amount_minor,
        currency=parent.currency,
        reference=reference,
        idempotency_key=reference,
        reason=mask_card_numbers(reason)[:200],
        requested_by=requested_by[:150],
        requested_at=now,
        **(claimed_from_the_start(now) if is_claimed else {}),
    )


def refundable_minor(taken: Transaction) -> int:
    """Return what of a sale or capture is neither given back nor being given back, in minor units.

    A processor names the payment, not the capture, when it tells of a refund or chargeback of its own; so what has
    gone back is counted over the whole payment at the gateway.
    """
    root_id = taken.parent_id if taken.kind == OperationKind.CAPTURE else taken.id
    moved: dict[str, int] = dict(
        Transaction.objects.filter(Q(id=root_id) | Q(parent_id=root_id) | Q(parent__parent_id=root_id))
        .filter(
            Q(kind__in=[OperationKind.SALE, OperationKind.CAPTURE, OperationKind.CHARGEBACK], status=Status.PROCESSED)
            | Q(kind=OperationKind.REFUND, status__in=[Status.PENDING, Status.PROCESSED])
        )
        .values_list("kind")
        .annotate(total=Sum("amount_minor"))
    )
    taken_in_all = moved.get(OperationKind.SALE, 0) + moved.get(OperationKind.CAPTURE, 0)
    returned = moved.get(OperationKind.REFUND, 0) + moved.get(OperationKind.CHARGEBACK, 0)
    return max(0, min(taken.amount_minor, taken_in_all - returned))


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
    """Write the refunds that give an amount back, from these sales and captures in their order, as far as they go."""
    left = amount_minor
    refunds = []
    for row in taken:
        amount = min(left, refundable_minor(row)) if left > 0 else 0
        if amount > 0:
            refunds.append(
                new_operation(
                    parent=row,
                    kind=OperationKind.REFUND,
                    amount_minor=amount,
                    reason=reason,
                    requested_by=requested_by,
                    now=now,
                )
            )
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
    asked_after: datetime | None = None,
) -> list[Transaction]:
    """Write the operations that give an amount of an order back: holds are released first, then captures refunded,
    newest first.

    Call it under the order's lock. A hold is released whole or not at all. Returns the rows; what cannot be given
    back by any of them is left, and the caller compares. Only what was asked after `asked_after` is looked at.
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
            if row.amount_minor <= left:
                operations.append(
                    new_operation(
                        parent=row,
                        kind=OperationKind.VOID,
                        amount_minor=row.amount_minor,
                        reason=reason,
                        requested_by=requested_by,
                        now=now,
                    )
                )
                left -= row.amount_minor
            continue
        refunds = refund_rows([row], amount_minor=left, reason=reason, requested_by=requested_by, now=now)
        operations += refunds
        left -= sum(refund.amount_minor for refund in refunds)
    return operations


def unused_holds(transactions: QuerySet[Transaction]) -> QuerySet[Transaction]:
    """Narrow to the authorizations of which no capture or release was asked for or has happened."""
    uses = Transaction.objects.filter(
        parent=OuterRef("pk"), kind__in=[OperationKind.CAPTURE, OperationKind.VOID]
    ).exclude(status=Status.FAILED)
    return transactions.filter(~Exists(uses), kind=OperationKind.AUTHORIZATION, status=Status.PROCESSED)


def return_surplus(*, order: Order, newest: Transaction, amount_minor: int, now: datetime) -> list[Transaction]:
    """Give back, once, what a late or second success brought beyond what was due, and show it to staff."""
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
        for minor in (amount_minor, sum(operation.amount_minor for operation in operations))
    )
    open_case(
        payment=newest.payment,
        kind=CaseKind.OVERPAID,
        detail=f"{came} more than was due came in; {planned} is being returned",
        now=now,
    )
    return operations
