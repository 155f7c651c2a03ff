"""Open again what people closed: what one explained, one opens; what two decided, two undo."""

from datetime import datetime

from django.db import transaction

from reconciliation.errors import NotResolvable
from reconciliation.models import (
    NEEDS_TWO,
    Discrepancy,
    DiscrepancyKind,
    DiscrepancyState,
    Proposal,
    ProposalDecision,
    ProposalKind,
    Resolution,
    SupersededLine,
)
from reconciliation.services.events import close, lock, refuse_silence, reopen
from reconciliation.services.hand_matching import undo_match
from reconciliation.services.posting import post_reversal
from reconciliation.services.proposing import write_proposal


@transaction.atomic
def undo(*, discrepancy_id: int, reason: str, by: str, now: datetime) -> Discrepancy:
    """Open again what one person explained.

    :raises NotResolvable: it is open, came right by itself, two people decided it, a newer report has its line
        otherwise, or no reason was given.
    """
    discrepancy = lock(discrepancy_id)
    refuse_silence(reason)
    _refuse_what_people_did_not_close(discrepancy)
    if takes_two_to_undo(discrepancy):
        raise NotResolvable("Two people decided it: propose that it is undone.")
    reopen([discrepancy], reason=reason, by=by, now=now)
    return discrepancy


@transaction.atomic
def propose_undo(*, discrepancy_id: int, reason: str, by: str, now: datetime) -> Proposal:
    """Propose to undo what two people decided: it stays as it is until a second person approves.

    :raises NotResolvable: it is open, came right by itself, one person can undo it, its undoing is proposed, a newer
        report has its line otherwise, or no reason was given.
    """
    discrepancy = lock(discrepancy_id)
    _refuse_what_people_did_not_close(discrepancy)
    done = _approved_proposal(discrepancy) if takes_two_to_undo(discrepancy) else None
    if done is None:
        raise NotResolvable("Nothing that two people decided is kept of it.")
    # A match of the bank is undone from two sources, under the lock of either.
    Proposal.objects.select_for_update(of=("self",)).get(pk=done.pk)
    waiting = done.undoings.filter(decision="").first()
    if waiting is not None:
        raise NotResolvable(f"{waiting.proposed_by} has proposed to undo it: that is decided or withdrawn first.")
    return write_proposal(
        discrepancy,
        kind=ProposalKind.UNDO,
        undoes=done,
        reason=reason,
        line_ids=done.line_ids,
        entry_ids=done.entry_ids,
        batch_ids=done.batch_ids,
        amount_minor=done.amount_minor,
        currency=done.currency,
        by=by,
        now=now,
    )


def takes_two_to_undo(discrepancy: Discrepancy) -> bool:
    """Say whether two people closed it."""
    return discrepancy.resolution in NEEDS_TWO


def carry_out_undo(proposal: Proposal, discrepancy: Discrepancy, *, by: str, now: datetime) -> None:
    """Post a write-off back, or take a match back; what it had closed is open again. In the caller's transaction, with
    all of it locked.

    :raises NotResolvable: it was undone meanwhile.
    """
    done = _approved_proposal(discrepancy)
    if done is None or done.pk != proposal.undoes_id:
        raise NotResolvable("It was undone meanwhile.")
    done.undo_proposed_by, done.undone_by, done.undone_at = proposal.proposed_by, by, now
    if done.posting is not None:
        done.undo_posting = post_reversal(posting=done.posting, now=now)
        reopen([discrepancy], reason=proposal.reason, by=by, now=now)
        _close_what_came(discrepancy, by=by, now=now)
        _close_another_payout(discrepancy, by=by, now=now)
    else:
        undo_match(done, reason=proposal.reason, by=by, now=now)
    done.save(update_fields=["undo_proposed_by", "undone_by", "undone_at", "undo_posting"])


def _refuse_what_people_did_not_close(discrepancy: Discrepancy) -> None:
    if discrepancy.state != DiscrepancyState.CLOSED:
        raise NotResolvable("It is not closed.")
    if discrepancy.resolution == Resolution.ARRIVED:
        raise NotResolvable("It came right by itself: there is nothing to undo.")
    if SupersededLine.objects.filter(line=discrepancy.line_id).exists():
        raise NotResolvable("A newer report has its line otherwise: there is nothing to undo.")


def _close_what_came(discrepancy: Discrepancy, *, by: str, now: datetime) -> None:
    """Close what was settled after all, and that it was: nothing is lost, and nothing there twice, any more."""
    came = Discrepancy.objects.filter(
        kind=DiscrepancyKind.SETTLED_AFTER_ALL, entry=discrepancy.entry, batch=discrepancy.batch
    ).exclude(state=DiscrepancyState.CLOSED)
    for each in came.select_for_update():
        close(
            [each, discrepancy],
            resolution=Resolution.ARRIVED,
            reason="it was settled, and the write-off was undone",
            by=by,
            action="closed",
            now=now,
        )


def _close_another_payout(discrepancy: Discrepancy, *, by: str, now: datetime) -> None:
    """Close that a payout is another than was written off: what it is now is open with the discrepancy itself."""
    another = Discrepancy.objects.filter(kind=DiscrepancyKind.ANOTHER_PAYOUT, batch=discrepancy.batch)
    close(
        another.exclude(state=DiscrepancyState.CLOSED).select_for_update(),
        resolution=Resolution.ARRIVED,
        reason="the write-off was undone",
        by=by,
        action="closed",
        now=now,
    )


def _approved_proposal(discrepancy: Discrepancy) -> Proposal | None:
    """Return what was approved and closed a discrepancy; a match by hand may have been proposed on another one."""
    approved = Proposal.objects.filter(decision=ProposalDecision.APPROVED, undone_at__isnull=True).select_related(
        "posting", "discrepancy__source"
    )
    if discrepancy.resolution == Resolution.WRITTEN_OFF:
        return approved.filter(discrepancy=discrepancy, kind=ProposalKind.WRITE_OFF).first()
    matches = approved.filter(kind=ProposalKind.MATCH)
    for field, subject in (
        ("line_ids", discrepancy.line_id),
        ("entry_ids", discrepancy.entry_id),
        ("batch_ids", discrepancy.batch_id),
    ):
        if subject is not None:
            return matches.filter(**{f"{field}__contains": [subject]}).first()
    return None
