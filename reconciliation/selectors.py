"""Reads of the reconciliation for pages above it."""

from uuid import UUID

from django.db.models import Q, QuerySet

from payments.models import Payment
from reconciliation.models import Discrepancy, DiscrepancyState, ExportRun, SettlementLine


def open_discrepancies() -> QuerySet[Discrepancy]:
    """Return what is not closed, with what a list shows of it."""
    return Discrepancy.objects.exclude(state=DiscrepancyState.CLOSED).select_related(
        "source", "line", "entry__payment", "batch", "assignee"
    )


def lines_of_payment(payment: Payment) -> QuerySet[SettlementLine]:
    """Return the settlement lines that were matched with a payment's ledger entries, oldest first."""
    is_of_payment = Q(matches__consumed__entry__payment=payment) | Q(matches__lead__consumed__entry__payment=payment)
    return (
        SettlementLine.objects.filter(is_of_payment, matches__undone_at__isnull=True)
        .select_related("batch", "report")
        .distinct()
        .order_by("settled_at", "id")
    )


def exports_of_mode(*, is_live: bool, after: UUID | None = None) -> QuerySet[ExportRun]:
    """Return the exports of live things or of test ones, the newest first; those that come after one of them."""
    runs = ExportRun.objects.filter(is_live=is_live).order_by("-asked_at", "-id")
    if after is None:
        return runs
    last = ExportRun.objects.filter(pk=after).values("asked_at")[:1]
    return runs.filter(Q(asked_at__lt=last) | Q(asked_at=last, id__lt=after))
