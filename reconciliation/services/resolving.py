"""Work on a discrepancy: somebody takes it on, explains it or proposes how it ends; a second person approves. What was
done is undone by new rows, never by an edit (`undoing`).
"""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from money import Money
from reconciliation.errors import NotResolvable
from reconciliation.models import (
    Discrepancy,
    DiscrepancyState,
    Proposal,
    ProposalDecision,
    ProposalKind,
    Resolution,
)
from reconciliation.services.events import close, lock, lock_open, lock_with_all, note, refuse_silence, worked_state
from reconciliation.services.hand_matching import HandMatch, carry_out_match, read_match
from reconciliation.services.matching import TAKEN_MEANWHILE
from reconciliation.services.posting import post_write_off
from reconciliation.services.proposing import write_proposal
from reconciliation.services.stakes import Transfer, in_words, transfers_to_write_off
from reconciliation.services.undoing import carry_out_undo


@transaction.atomic
def assign(*, discrepancy_id: int, assignee: User | None, by: str, now: datetime) -> Discrepancy:
    """Give a discrepancy to somebody, or to nobody.

    :raises NotResolvable: it is closed.
    """
    discrepancy = lock_open(discrepancy_id)
    before, discrepancy.assignee = discrepancy.state, assignee
    if discrepancy.state != DiscrepancyState.PROPOSED:
        discrepancy.state = worked_state(discrepancy)
    discrepancy.save(update_fields=["assignee", "state"])
    name = assignee.get_username() if assignee is not None else "nobody"
    note(discrepancy, action="assigned", by=by, detail=f"to {name}", now=now, before=before)
    return discrepancy


@transaction.atomic
def comment(*, discrepancy_id: int, text: str, by: str, now: datetime) -> Discrepancy:
    """Say something about a discrepancy, closed or not.

    :raises NotResolvable: nothing was said.
    """
    discrepancy = lock(discrepancy_id)
    refuse_silence(text)
    note(discrepancy, action="commented", by=by, detail=text, now=now, before=discrepancy.state)
    return discrepancy


@transaction.atomic
def explain(*, discrepancy_id: int, reason: str, by: str, now: datetime) -> Discrepancy:
    """Close a discrepancy with why it is none; nothing moves.

    :raises NotResolvable: it is closed, something is proposed, or no reason was given.
    """
    discrepancy = lock_open(discrepancy_id)
    refuse_silence(reason)
    _refuse_proposed(discrepancy)
    close([discrepancy], resolution=Resolution.EXPLAINED, reason=reason, by=by, action="explained", now=now)
    return discrepancy


@transaction.atomic
def propose_write_off(*, discrepancy_id: int, reason: str, by: str, now: datetime) -> Proposal:
    """Propose to take out of the books what a discrepancy leaves there.

    :raises NotResolvable: it is closed, something is proposed, or it leaves nothing.
    """
    discrepancy = lock_open(discrepancy_id)
    _refuse_proposed(discrepancy)
    transfers = transfers_to_write_off(discrepancy)
    return write_proposal(
        discrepancy,
        kind=ProposalKind.WRITE_OFF,
        amount_minor=transfers[0][2].minor,
        currency=discrepancy.currency,
        transfers=in_words(transfers),
        reason=reason,
        by=by,
        now=now,
    )


@transaction.atomic
def propose_match(
    *,
    discrepancy_id: int,
    line_ids: Sequence[int],
    entry_ids: Sequence[int],
    batch_ids: Sequence[int],
    reason: str,
    by: str,
    now: datetime,
) -> Proposal:
    """Propose that lines belong to movements, or a line of the bank to payouts.

    :raises NotResolvable: it is closed, something is proposed, or they cannot be matched.
    """
    discrepancy = lock_open(discrepancy_id)
    _refuse_proposed(discrepancy)
    match = read_match(discrepancy, line_ids=line_ids, entry_ids=entry_ids, batch_ids=batch_ids)
    return write_proposal(
        discrepancy,
        kind=ProposalKind.MATCH,
        amount_minor=match.difference_minor,
        currency=discrepancy.currency,
        reason=reason,
        by=by,
        now=now,
        line_ids=[line.pk for line in match.lines],
        entry_ids=[movement.entry_id for movement in match.movements],
        batch_ids=[batch.pk for batch in match.batches],
    )


def approve(*, proposal_id: int, by: str, now: datetime) -> Proposal:
    """Carry out what somebody else proposed; whoever comes second finds it decided.

    :raises NotResolvable: it is the person's own, is decided, or cannot be done any more; nothing was written.
    """
    try:
        with transaction.atomic():
            return _approve(proposal_id, by, now)
    except IntegrityError as error:
        if not any(name in str(error) for name in TAKEN_MEANWHILE):
            raise
        raise NotResolvable("Something of it was matched meanwhile; nothing was done. Look again.") from None


def _approve(proposal_id: int, by: str, now: datetime) -> Proposal:
    proposal, discrepancy = _lock_proposal(proposal_id)
    refuse_own(proposal, by=by)
    if proposal.kind == ProposalKind.WRITE_OFF:
        transfers = transfers_to_write_off(discrepancy)
        _refuse_another_amount(proposal, transfers)
        account = discrepancy.source.account
        assert account is not None, "nothing of the bank's own is written off"
        proposal.posting = post_write_off(account=account, transfers=transfers, now=now)
        _decide(proposal, ProposalDecision.APPROVED, by=by, reason="", now=now)
        close(
            [discrepancy],
            resolution=Resolution.WRITTEN_OFF,
            reason=proposal.reason,
            proposed_by=proposal.proposed_by,
            approved_by=by,
            by=by,
            action="approved",
            now=now,
        )
    elif proposal.kind == ProposalKind.UNDO:
        _decide(proposal, ProposalDecision.APPROVED, by=by, reason="", now=now)
        carry_out_undo(proposal, discrepancy, by=by, now=now)
    else:
        match = match_of(proposal)
        if match.difference_minor != proposal.amount_minor:
            raise NotResolvable("Another difference is left by now: reject it, and have it proposed anew.")
        _decide(proposal, ProposalDecision.APPROVED, by=by, reason="", now=now)
        carry_out_match(proposal, match, by=by, now=now)
    return proposal


@transaction.atomic
def reject(*, proposal_id: int, reason: str, by: str, now: datetime) -> Proposal:
    """Say no to what somebody else proposed; the discrepancy is worked on, or stays closed.

    :raises NotResolvable: it is the person's own, or decided, or no reason was given.
    """
    proposal, discrepancy = _lock_proposal(proposal_id)
    refuse_silence(reason)
    refuse_own(proposal, by=by)
    _back_to_work(proposal, discrepancy, ProposalDecision.REJECTED, by=by, reason=reason, now=now)
    return proposal


@transaction.atomic
def withdraw(*, proposal_id: int, by: str, now: datetime) -> Proposal:
    """Take one's own proposal back.

    :raises NotResolvable: it is somebody else's, or decided.
    """
    proposal, discrepancy = _lock_proposal(proposal_id)
    if proposal.proposed_by != by:
        raise NotResolvable(f"{proposal.proposed_by} proposed it: reject it instead.")
    _back_to_work(proposal, discrepancy, ProposalDecision.WITHDRAWN, by=by, reason="", now=now)
    return proposal


def open_proposal(discrepancy: Discrepancy) -> Proposal | None:
    """Return what is proposed and not decided."""
    return discrepancy.proposals.filter(decision="").first()


def match_of(proposal: Proposal) -> HandMatch:
    """Return what a proposal would match, as it stands now.

    :raises NotResolvable: it cannot be matched any more.
    """
    return read_match(
        proposal.discrepancy,
        line_ids=proposal.line_ids,
        entry_ids=proposal.entry_ids,
        batch_ids=proposal.batch_ids,
    )


def refuse_own(proposal: Proposal, *, by: str) -> None:
    """Refuse a decision of one's own proposal.

    :raises NotResolvable: it is.
    """
    if proposal.proposed_by == by:
        raise NotResolvable("You proposed it yourself: a second person decides.")


def _refuse_another_amount(proposal: Proposal, transfers: Sequence[Transfer]) -> None:
    """Refuse a write-off that would post something else than was proposed.

    :raises NotResolvable: it would, or nobody can say.
    """
    wanted = proposal.transfers
    if not wanted:
        # Of what was proposed before migration 0011 only the first amount was kept.
        if len(transfers) > 1:
            raise NotResolvable("It does not say all that it would write off: reject it, and have it proposed anew.")
        from_account, to_account, _ = transfers[0]
        wanted = in_words([(from_account, to_account, Money(proposal.amount_minor, proposal.currency))])
    if in_words(transfers) != wanted:
        raise NotResolvable("Another amount is left by now: reject it, and have it proposed anew.")


def _lock_proposal(proposal_id: int) -> tuple[Proposal, Discrepancy]:
    proposal = Proposal.objects.select_related("discrepancy").get(pk=proposal_id)
    discrepancy = lock_with_all(proposal)
    proposal.refresh_from_db()
    if proposal.decision:
        raise NotResolvable(f"It is {proposal.get_decision_display().lower()} already, by {proposal.decided_by}.")
    proposal.discrepancy = discrepancy
    return proposal, discrepancy


def _decide(proposal: Proposal, decision: ProposalDecision, *, by: str, reason: str, now: datetime) -> None:
    proposal.decision, proposal.decided_by, proposal.decided_at = decision, by, now
    proposal.decision_reason = reason
    proposal.save(update_fields=["decision", "decided_by", "decided_at", "decision_reason", "posting"])


def _back_to_work(
    proposal: Proposal,
    discrepancy: Discrepancy,
    decision: ProposalDecision,
    *,
    by: str,
    reason: str,
    now: datetime,
) -> None:
    _decide(proposal, decision, by=by, reason=reason, now=now)
    before = discrepancy.state
    if proposal.kind != ProposalKind.UNDO:
        discrepancy.state, discrepancy.proposed_by = worked_state(discrepancy), ""
        discrepancy.save(update_fields=["state", "proposed_by"])
    note(discrepancy, action=decision.lower(), by=by, detail=reason, now=now, before=before)


def _refuse_proposed(discrepancy: Discrepancy) -> None:
    if discrepancy.state == DiscrepancyState.PROPOSED:
        raise NotResolvable(f"{discrepancy.proposed_by} has proposed something: that is decided or withdrawn first.")
