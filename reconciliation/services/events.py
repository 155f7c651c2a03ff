"""Keep what was done about a discrepancy, by whom, when and why."""

from collections.abc import Iterable
from datetime import datetime

from reconciliation.errors import NotResolvable
from reconciliation.models import (
    Discrepancy,
    DiscrepancyEvent,
    DiscrepancyState,
    Proposal,
    ProposalDecision,
    Resolution,
    SettlementSource,
)

_LONGEST = 500


def lock(discrepancy_id: int) -> Discrepancy:
    """Return a discrepancy that nobody else changes before the transaction ends, nor the files of its source."""
    # The order in which a run of matching takes them.
    source_id = Discrepancy.objects.values_list("source_id", flat=True).get(pk=discrepancy_id)
    SettlementSource.objects.select_for_update(no_key=True).get(pk=source_id)
    return (
        Discrepancy.objects.select_for_update(of=("self",))
        .select_related("source__account", "line__batch", "line__report", "entry", "batch", "assignee")
        .get(pk=discrepancy_id)
    )


def lock_open(discrepancy_id: int) -> Discrepancy:
    """Return a locked discrepancy that is still worked on.

    :raises NotResolvable: it is closed.
    """
    discrepancy = lock(discrepancy_id)
    if discrepancy.state == DiscrepancyState.CLOSED:
        raise NotResolvable(f"It is closed already: {discrepancy.get_resolution_display()}.")
    return discrepancy


def worked_state(discrepancy: Discrepancy) -> DiscrepancyState:
    """Return the state of one for which nothing is proposed."""
    return DiscrepancyState.ASSIGNED if discrepancy.assignee_id else DiscrepancyState.OPEN


def note(discrepancy: Discrepancy, *, action: str, by: str, detail: str, now: datetime, before: str) -> None:
    """Write down one thing that was done, with the state that the discrepancy has now."""
    DiscrepancyEvent.objects.create(
        discrepancy=discrepancy,
        actor=by,
        action=action,
        state_before=before,
        state_after=discrepancy.state,
        detail=detail[:_LONGEST],
        at=now,
    )


def close(
    discrepancies: Iterable[Discrepancy],
    *,
    resolution: Resolution,
    reason: str,
    proposed_by: str = "",
    approved_by: str = "",
    by: str,
    action: str,
    now: datetime,
) -> None:
    """Close discrepancies, each with why."""
    for each in discrepancies:
        before = each.state
        each.state, each.resolution, each.reason, each.closed_at = DiscrepancyState.CLOSED, resolution, reason, now
        each.proposed_by, each.approved_by = proposed_by, approved_by
        each.save(update_fields=["state", "resolution", "reason", "closed_at", "proposed_by", "approved_by"])
        Proposal.objects.filter(discrepancy=each, decision="").update(
            decision=ProposalDecision.OVERTAKEN, decided_by=by, decided_at=now
        )
        note(each, action=action, by=by, detail=reason, now=now, before=before)


def reopen(discrepancies: Iterable[Discrepancy], *, reason: str, by: str, now: datetime) -> None:
    """Put closed discrepancies before people again; what was done about them stays in their events."""
    for each in discrepancies:
        before = each.state
        each.state, each.resolution, each.reason, each.closed_at = worked_state(each), "", "", None
        each.proposed_by, each.approved_by = "", ""
        each.save(update_fields=["state", "resolution", "reason", "closed_at", "proposed_by", "approved_by"])
        note(each, action="undone", by=by, detail=reason, now=now, before=before)
