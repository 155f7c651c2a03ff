"""Read payments with everything said of them, a chunk to a snapshot."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.db import connection
from django.db import transaction as database
from django.db.models import Count, QuerySet

from bookings.models import Order
from payments.models import GatewayEvent, Opening, Payment, Transaction
from payments.services.events import fact_of
from payments.states import Position, derive

MOST_FINDINGS = 1_000
CHUNK = 500


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


def in_chunks(payments: QuerySet[Payment], check: Callable[[list[Reading]], Iterable[Finding]]) -> Iterator[Finding]:
    """Read payments by their number, a chunk to a snapshot, and give each chunk to a check."""
    last = 0
    while True:
        with snapshot():
            rows = list(payments.filter(number__gt=last).select_related("order").order_by("number")[:CHUNK])
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
    for opening in Opening.objects.filter(payment__in=payments).defer("client_encrypted"):
        openings[opening.payment_id][opening.id] = opening
    by_id = {payment.id: payment for payment in payments}
    for row in Transaction.objects.filter(payment__in=payments):
        row.payment = by_id[row.payment_id]
        if row.opening_id in openings[row.payment_id]:
            row.opening = openings[row.payment_id][row.opening_id]
        transactions[row.payment_id][str(row.id)] = row
    readings = []
    for payment in payments:
        rows, opened = transactions[payment.id], openings[payment.id]
        told = [event for event in events[payment.id] if not event.problem]
        position = derive(fact_of(event, rows, opened) for event in told)
        readings.append(
            Reading(payment=payment, events=events[payment.id], transactions=rows, openings=opened, position=position)
        )
    return readings


def size_of_the_books() -> dict[str, int]:
    """Return how much there was to check."""
    return {
        "payments": Payment.objects.aggregate(count=Count("pk"))["count"],
        "operations": Transaction.objects.aggregate(count=Count("pk"))["count"],
        "events": GatewayEvent.objects.aggregate(count=Count("pk"))["count"],
        "orders": Order.objects.aggregate(count=Count("pk"))["count"],
    }
