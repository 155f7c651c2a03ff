"""What staff wrote about discrepancies of a guest's money: told, and taken out. Amounts, lines and matches stay."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from bookings.masking import ERASED, Mask
from payments.models import LedgerEntry
from reconciliation.models import Discrepancy, DiscrepancyEvent, LedgerConsumed, Match, Proposal, Resolution

_SILENT = ("", ERASED)


def discrepancies_of(order_ids: Collection[UUID]) -> list[int]:
    """Return the discrepancies about the money of orders: about an entry of theirs, a line matched with one, or what
    somebody proposed to match with one.
    """
    entries = list(LedgerEntry.objects.filter(order__in=order_ids).values_list("pk", flat=True))
    leads = list(LedgerConsumed.objects.filter(entry__in=entries).values_list("match", flat=True))
    lines = Match.objects.filter(Q(pk__in=leads) | Q(lead__in=leads)).values_list("line", flat=True)
    about = Q(entry__in=entries) | Q(line__in=list(lines)) | Q(proposals__entry_ids__overlap=entries)
    return list(Discrepancy.objects.filter(about).order_by("pk").values_list("pk", flat=True).distinct())


def personal_data_of(discrepancy_ids: Collection[int]) -> dict[str, list[dict[str, Any]]]:
    """Return what staff wrote about discrepancies."""
    written = _said(discrepancy_ids).order_by("pk").values("detail", "at")
    return {"what staff wrote about discrepancies": [dict(row) for row in written]}


def erase_guest(discrepancy_ids: Collection[int], mask: Mask) -> dict[str, int]:
    """Take out what staff wrote about discrepancies of a guest, and the guest's names out of what they wrote about
    others; return how many texts that were. Again changes nothing.
    """
    proposals = Proposal.objects.filter(discrepancy__in=discrepancy_ids)
    # What came right by itself has a reason that nobody wrote.
    closed = Discrepancy.objects.filter(pk__in=discrepancy_ids).exclude(resolution=Resolution.ARRIVED)
    erased = (
        _said(discrepancy_ids).update(detail=ERASED),
        proposals.exclude(reason__in=_SILENT).update(reason=ERASED),
        proposals.exclude(decision_reason__in=_SILENT).update(decision_reason=ERASED),
        closed.exclude(reason__in=_SILENT).update(reason=ERASED),
    )
    masked = (
        mask.column(DiscrepancyEvent.objects.exclude(actor="system"), "detail"),
        mask.column(Proposal.objects.all(), "reason"),
        mask.column(Proposal.objects.all(), "decision_reason"),
        mask.column(Discrepancy.objects.exclude(reason=""), "reason"),
    )
    return {"what staff wrote about discrepancies": sum(erased) + sum(masked)}


def _said(discrepancy_ids: Collection[int]) -> QuerySet[DiscrepancyEvent]:
    """Return the events of which the detail is in somebody's own words."""
    events = DiscrepancyEvent.objects.filter(discrepancy__in=discrepancy_ids)
    return events.exclude(actor="system").exclude(action="assigned").exclude(detail__in=_SILENT)
