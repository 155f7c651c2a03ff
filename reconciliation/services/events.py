"""Keep what was done about a discrepancy, by whom, when and why."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Q

from reconciliation.errors import NotResolvable
from reconciliation.models import (
    Discrepancy,
    DiscrepancyEvent,
    DiscrepancyState,
    Proposal,
    ProposalDecision,
    Resolution,
    SettlementBatch,
    SettlementLine,
    SettlementSource,
)

_LONGEST = 500


def lock(discrepancy_id: int) -> Discrepancy:
    """Return a discrepancy that nobody else changes before the transaction ends, nor the files of its source, nor the
    batch that it is about.
    """
    source_id, batch_id = Discrepancy.objects.values_list("source_id", "batch_id").get(pk=discrepancy_id)
    _lock_sources_and_batches({source_id}, set() if batch_id is None else {batch_id})
    return _lock_discrepancy(discrepancy_id)


def lock_with_all(proposal: Proposal) -> Discrepancy:
    """Return the discrepancy that a proposal was made on, locked with everything that the proposal is about: a line of
    the bank and its payouts are of several sources.
    """
    source_ids = {proposal.discrepancy.source_id}
    source_ids |= set(SettlementLine.objects.filter(pk__in=proposal.line_ids).values_list("batch__source", flat=True))
    source_ids |= set(SettlementBatch.objects.filter(pk__in=proposal.batch_ids).values_list("source", flat=True))
    batch_ids = set(proposal.batch_ids)
    if proposal.discrepancy.batch_id is not None:
        batch_ids.add(proposal.discrepancy.batch_id)
    _lock_sources_and_batches(source_ids, batch_ids)
    about = (
        Q(pk=proposal.discrepancy_id)
        | Q(line__in=proposal.line_ids)
        | Q(entry__in=proposal.entry_ids)
        | Q(batch__in=proposal.batch_ids)
    )
    list(Discrepancy.objects.filter(about).select_for_update().order_by("pk").values_list("pk"))
    return _lock_discrepancy(proposal.discrepancy_id)


def _lock_sources_and_batches(source_ids: Collection[int], batch_ids: Collection[int]) -> None:
    """Lock them in the order in which a run of matching does: sources, batches, and discrepancies last; by primary key
    among equals.

    Two people may come to one match from two sources, and a payout may be written off from its own while a statement of
    the bank is matched with it: the batch is what both of them take.
    """
    list(SettlementSource.objects.filter(pk__in=source_ids).select_for_update(no_key=True).order_by("pk"))
    list(SettlementBatch.objects.filter(pk__in=batch_ids).select_for_update(no_key=True).order_by("pk"))


def _lock_discrepancy(discrepancy_id: int) -> Discrepancy:
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


def note(
    discrepancy: Discrepancy,
    *,
    action: str,
    by: str,
    detail: str,
    now: datetime,
    before: str,
    amount_minor: int | None = None,
) -> None:
    """Write down one thing that was done, with the state that the discrepancy has now, and the amount at stake where
    that is another.
    """
    DiscrepancyEvent.objects.create(
        discrepancy=discrepancy,
        actor=by,
        action=action,
        state_before=before,
        state_after=discrepancy.state,
        detail=detail[:_LONGEST],
        amount_minor=amount_minor,
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


def refuse_silence(text: str) -> None:
    """Refuse what was done without a word.

    :raises NotResolvable: nothing was said.
    """
    if not text.strip():
        raise NotResolvable("Say why.")
