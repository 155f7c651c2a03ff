"""Put before a person what no look can resolve, and take off the list what has resolved itself. Set-based: one row
that has its case already costs nothing.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from bookings.models import BookingStatus, Order
from bookings.selectors import amount_due_later, amount_kept, amount_to_collect
from payments.models import Case, CaseKind, Opening, Origin, Transaction
from payments.models.claims import unclaimed
from payments.services.cases import open_case
from payments.states import OperationKind, Status

Row = TypeVar("Row", Transaction, Opening)
_AT_ONCE = 200


def show_to_staff(*, now: datetime) -> None:
    """Open a case for everything that is undecided and that nothing of ours will ask about any more."""
    limits = settings.PAYMENTS
    undecided = Transaction.objects.filter(status=Status.PENDING, next_check_at__isnull=True).filter(unclaimed(now))
    _open_cases(
        undecided.filter(unknown_since_at__isnull=False).order_by("unknown_since_at"),
        CaseKind.OUTCOME_UNKNOWN,
        lambda row: f"{row.kind} {row.reference}: no answer, and the gateway cannot be asked any more",
        now,
    )
    _open_cases(
        undecided.filter(
            origin=Origin.OURS, gateway_reference__isnull=True, unknown_since_at__isnull=True, checks_made__gt=0
        ).order_by("requested_at"),
        CaseKind.OUTCOME_UNKNOWN,
        lambda row: f"{row.kind} {row.reference}: the gateway could not be reached; it was never sent",
        now,
    )
    undecided_since = now - timedelta(minutes=limits["ATTEMPT_OVERDUE_MINUTES"])
    _open_cases(
        # A dispute takes weeks, and has a case of its own.
        Transaction.objects.filter(status=Status.PENDING, origin=Origin.GATEWAY, requested_at__lte=undecided_since)
        .exclude(kind=OperationKind.CHARGEBACK)
        .order_by("requested_at"),
        CaseKind.OUTCOME_UNKNOWN,
        lambda row: f"{row.kind} {row.gateway_reference}: the gateway has not decided",
        now,
    )
    silent_since = now - timedelta(minutes=limits["WEBHOOK_OVERDUE_MINUTES"])
    _open_cases(
        Opening.objects.filter(reported_paid_at__lte=silent_since).order_by("reported_paid_at"),
        CaseKind.WEBHOOK_MISSING,
        lambda row: f"the partner says {row.reference} was paid; the gateway has said nothing",
        now,
    )
    accepted_since = now - timedelta(hours=limits["OPERATION_OVERDUE_HOURS"])
    _open_cases(
        Transaction.objects.filter(
            status=Status.PENDING,
            origin=Origin.OURS,
            gateway_reference__isnull=False,
            requested_at__lte=accepted_since,
        ).order_by("requested_at"),
        CaseKind.WEBHOOK_MISSING,
        lambda row: f"{row.kind} {row.reference} was accepted; its result never came",
        now,
    )


def close_what_resolved_itself(*, now: datetime) -> None:
    """Close the cases whose cause is gone."""
    still_open = Q(Exists(Transaction.objects.filter(payment=OuterRef("payment"), status=Status.PENDING))) | Q(
        Exists(Opening.objects.filter(payment=OuterRef("payment"), reported_paid_at__isnull=False))
    )
    cases = Case.objects.filter(closed_at__isnull=True)
    cases.filter(kind__in=[CaseKind.OUTCOME_UNKNOWN, CaseKind.WEBHOOK_MISSING]).exclude(still_open).update(
        closed_at=now, closed_by="system"
    )
    on_hold = Q(payment__order__status=BookingStatus.ON_HOLD)
    settled = cases.filter(kind=CaseKind.PAID_UNCONFIRMED).exclude(on_hold).values("pk")
    Case.objects.filter(pk__in=settled).update(closed_at=now, closed_by="system")
    _close_settled_balances(now)


def _close_settled_balances(now: datetime) -> None:
    """Close the cases of balances that were paid since, or that nobody owes any more.

    Only money that came in counts: what is held or undecided may still come to nothing.
    """
    unpaid = Case.objects.filter(kind=CaseKind.BALANCE_UNPAID, closed_at__isnull=True)
    # Money, a cancellation and a change of price all touch the order.
    changed = Order.objects.filter(payments__cases__in=unpaid.filter(payment__order__updated_at__gte=F("opened_at")))
    orders = changed.prefetch_related("bookings", "installments", "gifts").distinct()
    settled = [order.pk for order in orders if _owes_nothing(order)]
    if settled:
        unpaid.filter(payment__order__in=settled).update(closed_at=now, closed_by="system")


def _owes_nothing(order: Order) -> bool:
    price = amount_to_collect(order).minor + amount_due_later(order).minor
    there = order.money_in_minor
    return price == 0 or there - max(0, min(amount_kept(order).minor, there)) >= price


def _open_cases(rows: QuerySet[Row], kind: CaseKind, detail: Callable[[Row], str], now: datetime) -> None:
    has_case = Exists(Case.objects.filter(payment=OuterRef("payment"), kind=kind, closed_at__isnull=True))
    for row in rows.filter(~has_case).select_related("payment")[:_AT_ONCE]:
        open_case(payment=row.payment, kind=kind, detail=detail(row), now=now)
