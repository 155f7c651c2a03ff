"""Prove that what is cached follows from what gateways said, and that nothing is stuck. Reads only.

Payments are read in chunks, each in a snapshot of its own, so that a million of them stream and a running system is
never seen half-way through a change. `payments.checking_ledger` proves the books by the same reading.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain, islice
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db import transaction as database
from django.db.models import Count, Exists, OuterRef, QuerySet, Sum

from bookings.models import BookingStatus, Order
from bookings.selectors import amount_to_collect
from money import Money
from payments.models import (
    Case,
    CaseKind,
    DeliveryStatus,
    GatewayEvent,
    Opening,
    OpeningStatus,
    Origin,
    Payment,
    Transaction,
    WebhookDelivery,
)
from payments.services.transitions import fact_of
from payments.states import OperationKind, Position, Status, derive

STUCK_AFTER = timedelta(minutes=15)
MOST_FINDINGS = 1_000
_CHUNK = 500
_SUMS = ("authorized_minor", "captured_minor", "refunded_minor", "charged_back_minor")
_RETURNS = (OperationKind.REFUND, OperationKind.CHARGEBACK, OperationKind.VOID)


class Severity(StrEnum):
    """Say whether a finding is a fault, or only something to know."""

    FAULT = "FAULT"
    NOTICE = "NOTICE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Be one thing that does not agree; `subject` is a reference that the admin's search finds."""

    code: str
    subject: str
    message: str
    severity: Severity = Severity.FAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Be one payment with everything said of it, and what that makes of it."""

    payment: Payment
    events: list[GatewayEvent]
    transactions: dict[str, Transaction]
    openings: dict[UUID, Opening]
    position: Position


def payment_findings(
    *, now: datetime, stuck_after: timedelta = STUCK_AFTER, limit: int = MOST_FINDINGS
) -> list[Finding]:
    """Return where payments, orders and work under way are not as they must be."""
    found = chain(
        in_chunks(Payment.objects.all(), _chunk_findings),
        _orders_without_payment(),
        _confirmed_unpaid(),
        _stuck(now, now - stuck_after),
    )
    return list(islice(found, limit))


def findings_of(payment: Payment) -> list[Finding]:
    """Return where one payment and its order are not as they must be."""
    return list(in_chunks(Payment.objects.filter(pk=payment.pk), _chunk_findings))


def in_chunks(payments: QuerySet[Payment], check: Callable[[list[Reading]], Iterable[Finding]]) -> Iterator[Finding]:
    """Read payments by their number, a chunk to a snapshot, and give each chunk to a check."""
    last = 0
    while True:
        with snapshot():
            rows = list(payments.filter(number__gt=last).select_related("order").order_by("number")[:_CHUNK])
            if not rows:
                return
            found = list(check(_read(rows)))
        yield from found
        last = rows[-1].number


@contextmanager
def snapshot() -> Iterator[None]:
    """Let every query inside see the same moment; inside somebody's transaction that transaction decides."""
    if connection.in_atomic_block:
        yield
        return
    with database.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _read(payments: list[Payment]) -> list[Reading]:
    events: dict[UUID, list[GatewayEvent]] = defaultdict(list)
    transactions: dict[UUID, dict[str, Transaction]] = defaultdict(dict)
    openings: dict[UUID, dict[UUID, Opening]] = defaultdict(dict)
    for event in GatewayEvent.objects.filter(payment__in=payments).defer("raw").order_by("id"):
        events[event.payment_id].append(event)
    for row in Transaction.objects.filter(payment__in=payments):
        transactions[row.payment_id][str(row.id)] = row
    for opening in Opening.objects.filter(payment__in=payments).defer("client_encrypted"):
        openings[opening.payment_id][opening.id] = opening
    readings = []
    for payment in payments:
        rows, opened = transactions[payment.id], openings[payment.id]
        told = [event for event in events[payment.id] if not event.problem]
        position = derive(fact_of(event, rows, opened) for event in told)
        readings.append(
            Reading(payment=payment, events=events[payment.id], transactions=rows, openings=opened, position=position)
        )
    return readings


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
    for key, row in reading.transactions.items():
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
    paid = Payment.objects.filter(order=OuterRef("pk"))
    for order in Order.objects.exclude(money_in_minor=0).exclude(Exists(paid)).iterator(_CHUNK):
        yield Finding(
            code="money_without_payment",
            subject=order.reference,
            message=f"{Money(order.money_in_minor, order.currency)} came in through no payment",
        )


def _confirmed_unpaid() -> Iterator[Finding]:
    """See that what is confirmed was paid.

    What people, or the gateway, gave back afterwards on purpose does not make it unpaid; what we gave back by ourselves
    does. An open case says that somebody knows.
    """
    last: UUID | None = None
    while True:
        orders = Order.objects.filter(status=BookingStatus.CONFIRMED).order_by("pk")
        with snapshot():
            if last is not None:
                orders = orders.filter(pk__gt=last)
            rows = list(orders.prefetch_related("bookings", "installments")[:_CHUNK])
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
            wanted = amount_to_collect(order)
            paid = order.money_in_minor + accepted.get(order.pk, 0)
            if paid + returned.get(order.pk, 0) < wanted.minor and order.pk not in known:
                yield Finding(
                    code="confirmed_unpaid",
                    subject=order.reference,
                    message=f"confirmed, {wanted} to collect, {Money(paid, order.currency)} paid, and no open case",
                )
        last = rows[-1].pk


def _by_order(operations: QuerySet[Transaction]) -> dict[UUID, int]:
    return dict(operations.values_list("order_id").annotate(total=Sum("amount_minor")))


def _stuck(now: datetime, since: datetime) -> Iterator[Finding]:
    """See that all work under way has somebody who will go on with it: a claim, a time to ask again, or a case."""
    case = Case.objects.filter(payment=OuterRef("payment"), closed_at__isnull=True)
    operations = Transaction.objects.filter(status=Status.PENDING, requested_at__lte=since).annotate(
        has_case=Exists(case.filter(kind__in=[CaseKind.OUTCOME_UNKNOWN, CaseKind.WEBHOOK_MISSING]))
    )
    result_due = now - timedelta(hours=settings.PAYMENTS["OPERATION_OVERDUE_HOURS"])
    for row in operations.order_by("requested_at").iterator(_CHUNK):
        if message := _why_stuck(row, since, result_due, has_case=row.has_case):
            yield Finding(code="stuck_operation", subject=row.reference, message=f"{row.kind} {message}")
    silent = since - timedelta(minutes=settings.PAYMENTS["WEBHOOK_OVERDUE_MINUTES"])
    for opening in Opening.objects.filter(status=OpeningStatus.REQUESTED, next_check_at__lte=since).iterator(_CHUNK):
        yield Finding(
            code="stuck_opening", subject=opening.reference, message=f"was to be asked again at {opening.next_check_at}"
        )
    forgotten = Opening.objects.filter(reported_paid_at__lte=silent).annotate(
        has_case=Exists(case.filter(kind=CaseKind.WEBHOOK_MISSING))
    )
    for opening in forgotten.filter(has_case=False).iterator(_CHUNK):
        yield Finding(
            code="stuck_opening", subject=opening.reference, message="was reported paid, is silent, and has no case"
        )
    waiting = WebhookDelivery.objects.filter(processed_at__isnull=True, received_at__lte=since)
    for delivery in waiting.select_related("account").defer("body").iterator(_CHUNK):
        is_orphan = delivery.status == DeliveryStatus.ORPHAN
        yield Finding(
            code="orphan_delivery" if is_orphan else "stuck_delivery",
            subject=delivery.delivery_key,
            message=f"{delivery.account.slug}: {delivery.status} since {delivery.received_at} {delivery.last_error}",
            severity=Severity.NOTICE if is_orphan else Severity.FAULT,
        )
    for order in Order.objects.filter(status=BookingStatus.ON_HOLD, expires_at__lte=since).iterator(_CHUNK):
        yield Finding(
            code="stuck_hold", subject=order.reference, message=f"ran out at {order.expires_at} and still holds"
        )


def _why_stuck(row: Transaction, since: datetime, result_due: datetime, *, has_case: bool) -> str:
    """Say why nobody goes on with an operation; empty when somebody does."""
    is_ours = row.origin == Origin.OURS
    if row.claimed_until is not None and row.claimed_until > since:
        return ""
    if row.next_check_at is not None:
        return f"was to be asked about at {row.next_check_at}" if row.next_check_at <= since else ""
    if has_case:
        return ""
    if row.unknown_since_at is not None:
        return f"is unknown since {row.unknown_since_at}; nobody asks again, and there is no case"
    if is_ours and row.gateway_reference is None:
        return "was written and is not sent" if row.claimed_until is None else f"was claimed until {row.claimed_until}"
    if is_ours and row.requested_at <= result_due - STUCK_AFTER:
        return "was accepted, its result never came, and there is no case"
    return ""


def size_of_the_books() -> dict[str, int]:
    """Return how much there was to check."""
    return {
        "payments": Payment.objects.aggregate(count=Count("pk"))["count"],
        "operations": Transaction.objects.aggregate(count=Count("pk"))["count"],
        "events": GatewayEvent.objects.aggregate(count=Count("pk"))["count"],
        "orders": Order.objects.aggregate(count=Count("pk"))["count"],
    }
