"""Reads of the reconciliation for pages above it."""

from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from gateways.models import AnnouncedReport
from money import Money
from payments.models import Payment
from reconciliation.models import (
    BatchState,
    Discrepancy,
    DiscrepancyState,
    DriftReading,
    ExportRun,
    LedgerConsumed,
    Match,
    Proposal,
    ProposalKind,
    ReportState,
    SettlementBatch,
    SettlementLine,
    SettlementReport,
)

# So many of the newest files are named in a status.
_NAMED_FILES = 100


def open_discrepancies() -> QuerySet[Discrepancy]:
    """Return what is not closed, with what a list shows of it."""
    return Discrepancy.objects.exclude(state=DiscrepancyState.CLOSED).select_related(
        "source", "line", "entry__payment", "batch", "assignee"
    )


def discrepancies_before_people() -> QuerySet[Discrepancy]:
    """Return what is not closed, and what is but somebody has proposed to undo."""
    # By ids: the index of what is open serves no other condition beside it.
    undoings = Proposal.objects.filter(decision="", kind=ProposalKind.UNDO)
    undone = list(undoings.values_list("discrepancy", flat=True))
    return Discrepancy.objects.filter(~Q(state=DiscrepancyState.CLOSED) | Q(pk__in=undone))


def latest_drift_readings() -> QuerySet[DriftReading]:
    """Return the last reading of each source and currency, with its source, in their order."""
    return (
        DriftReading.objects.select_related("source__account")
        .order_by("source__slug", "currency", "-read_at")
        .distinct("source__slug", "currency")
    )


def lines_of_payment(payment: Payment) -> QuerySet[SettlementLine]:
    """Return the settlement lines that were matched with a payment's ledger entries, oldest first."""
    # By ids: one condition over a match and its lead would be looked at for every line there is.
    taken = list(LedgerConsumed.objects.filter(entry__payment=payment).values_list("match", flat=True))
    matches = Match.objects.filter(Q(pk__in=taken) | Q(lead__in=taken), undone_at__isnull=True)
    return (
        SettlementLine.objects.filter(pk__in=list(matches.values_list("line", flat=True)))
        .select_related("batch", "report")
        .order_by("settled_at", "id")
    )


def exports_of_mode(*, is_live: bool, after: UUID | None = None) -> QuerySet[ExportRun]:
    """Return the exports of live things or of test ones, the newest first; those that come after one of them."""
    runs = ExportRun.objects.filter(is_live=is_live).order_by("-asked_at", "-id")
    if after is None:
        return runs
    last = ExportRun.objects.filter(pk=after).values("asked_at")[:1]
    return runs.filter(Q(asked_at__lt=last) | Q(asked_at=last, id__lt=after))


def settlement_status() -> dict[str, list[Any]]:
    """Return what is open: discrepancies by source, kind and currency, reports to fetch, payouts that the bank does not
    have; and the names of the newest files that were imported.
    """
    discrepancies = Discrepancy.objects.exclude(state=DiscrepancyState.CLOSED).values(
        "source__slug", "kind", "currency"
    )
    unpaid = SettlementBatch.objects.filter(state=BatchState.BALANCED).exclude(payout_minor=0)
    waiting = AnnouncedReport.objects.filter(fetched_at__isnull=True, is_wanted=True)
    imported = SettlementReport.objects.filter(state=ReportState.MATCHED).order_by("-received_at")
    return {
        "discrepancies": [
            {
                "source": row["source__slug"],
                "kind": row["kind"],
                "count": row["count"],
                "currency": row["currency"],
                "amount": Money(row["minor"], row["currency"]).format(),
            }
            for row in discrepancies.annotate(count=Count("pk"), minor=Sum("amount_minor")).order_by(
                "source__slug", "kind", "currency"
            )
        ],
        "unfetched": [
            {"account": report.account.slug, "report": report.name, "problem": report.problem}
            for report in waiting.select_related("account").order_by("announced_at", "pk")
        ],
        "unpaid": [
            {
                "source": batch.source.slug,
                "batch": batch.reference,
                "currency": batch.currency,
                "amount": Money(batch.payout_minor or 0, batch.currency).format(),
            }
            for batch in unpaid.select_related("source").order_by("settled_at", "pk")
        ],
        "files": list(imported.values_list("file_name", flat=True)[:_NAMED_FILES]),
    }
