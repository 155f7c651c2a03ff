"""See that what is cached follows from what gateways said, and that what is confirmed was paid."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain, islice
from uuid import UUID

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum

from bookings.models import BookingStatus, Order
from bookings.selectors import amount_kept, amount_to_collect
from money import Money
from payments.checking.reading import CHUNK, MOST_FINDINGS, Finding, Reading, in_chunks, snapshot
from payments.checking.stuck import STUCK_AFTER, stuck_work
from payments.models import Case, CaseKind, LedgerEntry, Origin, Payment, Transaction
from payments.services.parts import is_as_asked, parts_of_operations
from payments.states import OperationKind, Status

_SUMS = ("authorized_minor", "captured_minor", "refunded_minor", "charged_back_minor")
_RETURNS = (OperationKind.REFUND, OperationKind.CHARGEBACK, OperationKind.VOID)


def payment_findings(
    *, now: datetime, stuck_after: timedelta = STUCK_AFTER, limit: int = MOST_FINDINGS
) -> list[Finding]:
    """Return where payments, orders and work under way are not as they must be."""
    found = chain(
        in_chunks(Payment.objects.all(), _chunk_findings),
        _orders_without_payment(),
        _confirmed_unpaid(),
        stuck_work(now=now, since=now - stuck_after),
    )
    return list(islice(found, limit))


def findings_of(payment: Payment) -> list[Finding]:
    """Return where one payment and its order are not as they must be."""
    return list(in_chunks(Payment.objects.filter(pk=payment.pk), _chunk_findings))


def _chunk_findings(readings: list[Reading]) -> Iterator[Finding]:
    overdrawn = set(
        Case.objects.filter(payment__in=[reading.payment for reading in readings], kind=CaseKind.OVERDRAWN).values_list(
            "payment_id", flat=True
        )
    )
    for reading in readings:
        yield from _cached(reading)
        yield from _belonging(reading)
        yield from _within_capture(reading, has_case=reading.payment.id in overdrawn)
    yield from _money_in({reading.payment.order_id for reading in readings})


def _cached(reading: Reading) -> Iterator[Finding]:
    """Compare what the door wrote down with what the events say now."""
    payment, position = reading.payment, reading.position
    if payment.state != position.state:
        yield Finding(
            code="state_differs",
            subject=payment.reference,
            message=f"says {payment.state}, its events say {position.state}",
        )
    for name in _SUMS:
        cached, derived = (Money(getattr(source, name), payment.currency) for source in (payment, position))
        if cached != derived:
            yield Finding(
                code="sum_differs",
                subject=payment.reference,
                message=f"{name.removesuffix('_minor')} says {cached}, its events say {derived}",
            )
    parts = parts_of_operations(reading.transactions, position)
    for key, row in reading.transactions.items():
        if key in parts and not is_as_asked(row):
            for part in ("surcharge", "donation"):
                says, derived = (
                    Money(getattr(source, f"{part}_minor"), payment.currency) for source in (row, parts[key])
                )
                if says != derived:
                    yield Finding(
                        code=f"{part}_differs",
                        subject=row.reference,
                        message=(
                            f"{row.kind} of {payment.reference} says that {says} of it is {part}, "
                            f"its events say {derived}"
                        ),
                    )
        standing = position.operations.get(key)
        status = standing.status if standing else Status.PENDING
        if row.status != status:
            yield Finding(
                code="status_differs",
                subject=row.reference,
                message=f"{row.kind} of {payment.reference} says {row.status}, its events say {status}",
            )


def _belonging(reading: Reading) -> Iterator[Finding]:
    """See that nothing hangs on one payment and speaks of another's Opening, operation, order or currency."""
    payment = reading.payment
    for row in reading.transactions.values():
        is_stray = (
            (row.opening_id is not None and row.opening_id not in reading.openings)
            or (row.parent_id is not None and str(row.parent_id) not in reading.transactions)
            or (row.order_id, row.account_id, row.currency) != (payment.order_id, payment.account_id, payment.currency)
        )
        if is_stray:
            yield Finding(
                code="stray_operation",
                subject=row.reference,
                message=f"{row.kind} of {payment.reference} has another payment's Opening, parent, order or account",
            )
    for event in reading.events:
        has_stray_opening = event.opening_id is not None and event.opening_id not in reading.openings
        if has_stray_opening or (event.transaction_id and str(event.transaction_id) not in reading.transactions):
            yield Finding(
                code="stray_event",
                subject=payment.reference,
                message=f"{event.kind} {event.event_key} speaks of another payment's Opening or operation",
            )


def _within_capture(reading: Reading, *, has_case: bool) -> Iterator[Finding]:
    """See that what is given back was taken; what a gateway did beyond that must at least be a case."""
    payment, position = reading.payment, reading.position
    asked = sum(
        row.amount_minor
        for row in reading.transactions.values()
        if row.kind == OperationKind.REFUND and row.origin == Origin.OURS and row.status == Status.PENDING
    )
    returned = position.refunded_minor + position.charged_back_minor
    if returned + asked > position.captured_minor and not has_case:
        yield Finding(
            code="returned_too_much",
            subject=payment.reference,
            message=(
                f"captured {Money(position.captured_minor, payment.currency)}, given back or charged back "
                f"{Money(returned, payment.currency)}, asked to be given back {Money(asked, payment.currency)}"
            ),
        )


def _money_in(order_ids: set[UUID]) -> Iterator[Finding]:
    """Compare what bookings were told of money with the ledger."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT o.reference, o.currency, o.money_in_minor, coalesce(sum(e.amount_minor * (
                     (e.from_account = 'RECEIVABLE')::int - (e.to_account = 'RECEIVABLE')::int
                   + (e.from_account = 'DISPUTED')::int - (e.to_account = 'DISPUTED')::int)), 0) AS booked
              FROM bookings_order o LEFT JOIN payments_ledgerentry e ON e.order_id = o.id
             WHERE o.id = ANY(%s)
             GROUP BY o.id
            """,
            [list(order_ids)],
        )
        rows = cursor.fetchall()
    for reference, currency, cached, booked in rows:
        if cached != booked:
            yield Finding(
                code="money_in_differs",
                subject=reference,
                message=f"the order says {Money(cached, currency)} came in, the ledger {Money(int(booked), currency)}",
            )


def _orders_without_payment() -> Iterator[Finding]:
    """Look at orders that only gifts paid, or that claim money nobody paid."""
    paid = Payment.objects.filter(order=OuterRef("pk"))
    booked = LedgerEntry.objects.filter(order=OuterRef("pk"))
    orders = (
        Order.objects.exclude(Exists(paid)).filter(~Q(money_in_minor=0) | Exists(booked)).values_list("pk", flat=True)
    )
    ids = iter(list(orders))
    while chunk := set(islice(ids, CHUNK)):
        yield from _money_in(chunk)


def _confirmed_unpaid() -> Iterator[Finding]:
    """See that what is confirmed was paid.

    What people, or the gateway, gave back afterwards on purpose does not make it unpaid; what we gave back by ourselves
    does. What was kept of bookings cancelled too late pays for those, not for what lives on. An open case says that
    somebody knows.
    """
    last: UUID | None = None
    while True:
        orders = Order.objects.filter(status=BookingStatus.CONFIRMED).order_by("pk")
        with snapshot():
            if last is not None:
                orders = orders.filter(pk__gt=last)
            rows = list(orders.prefetch_related("bookings", "installments")[:CHUNK])
            if not rows:
                return
            operations = Transaction.objects.filter(order__in=rows)
            accepted = _by_order(
                operations.filter(
                    kind=OperationKind.CAPTURE,
                    origin=Origin.OURS,
                    status=Status.PENDING,
                    gateway_reference__isnull=False,
                )
            )
            returned = _by_order(
                operations.filter(kind__in=_RETURNS, status=Status.PROCESSED).exclude(requested_by="system")
            )
            known = set(
                Case.objects.filter(payment__order__in=rows, closed_at__isnull=True).values_list(
                    "payment__order_id", flat=True
                )
            )
        for order in rows:
            wanted, kept = amount_to_collect(order), amount_kept(order)
            paid = order.money_in_minor + accepted.get(order.pk, 0)
            there = paid + returned.get(order.pk, 0)
            if there - max(0, min(kept.minor, there)) < wanted.minor and order.pk not in known:
                of_it = f", {kept} of it kept for what was cancelled too late" if kept.minor > 0 else ""
                yield Finding(
                    code="confirmed_unpaid",
                    subject=order.reference,
                    message=f"confirmed, {wanted} to collect, {Money(paid, order.currency)} paid{of_it}, no open case",
                )
        last = rows[-1].pk


def _by_order(operations: QuerySet[Transaction]) -> dict[UUID, int]:
    """Return what operations come to of the price, without surcharge and donation."""
    price = F("amount_minor") - F("surcharge_minor") - F("donation_minor")
    return dict(operations.values_list("order_id").annotate(total=Sum(price)))
