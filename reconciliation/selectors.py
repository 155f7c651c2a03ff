"""Reads of the reconciliation for pages above it."""

from django.db.models import Q, QuerySet

from payments.models import Payment
from reconciliation.models import Discrepancy, DiscrepancyState, SettlementLine


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
