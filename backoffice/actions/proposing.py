"""Have a discrepancy written off or matched by hand: one person proposes it, and another decides."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone

from backoffice.actions.action import Done, Line, Preview, Standing, Told
from backoffice.actions.discrepancy_forms import MatchForm, batch_words, line_words, movement_words
from backoffice.actions.reconciling import MAY_APPROVE, DiscrepancyAction, about, amount_of, what_undoing_does
from backoffice.services.write_offs import approve_proposal, refuse_above_limit
from money import Money
from payments.admin.columns import when_text
from reconciliation.errors import NotResolvable
from reconciliation.models import Discrepancy, DiscrepancyKind, DiscrepancyState, Proposal, ProposalKind
from reconciliation.movements import UNPLACED
from reconciliation.services import resolving
from reconciliation.services.hand_matching import HandMatch, read_match
from reconciliation.services.stakes import Transfer, may_be_written_off, transfers_to_write_off

_MATCHED_BY_HAND = {*UNPLACED, DiscrepancyKind.MISSING_THERE, DiscrepancyKind.NOT_IN_BANK}


class ProposeWriteOff(DiscrepancyAction):
    """Propose to write off what it left."""

    name = "propose-write-off"
    label = "Propose to write off …"
    done = "proposed write-off"

    def makes_sense(self, row: Discrepancy, standing: Standing) -> bool:
        return super().makes_sense(row, standing) and may_be_written_off(row)

    def preview(self, row: Discrepancy, entered: Mapping[str, Any], person: User) -> Preview:
        return Preview(
            question=f"Propose to write off {amount_of(row)}?",
            button="Yes, propose it",
            lines=[*about(row), *_posted(transfers_to_write_off(row))],
            notes=["Nothing is posted before a second person approves."],
        )

    def carry_out(self, row: Discrepancy, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        resolving.propose_write_off(
            discrepancy_id=row.pk, reason=entered["reason"], by=person.get_username(), now=timezone.now()
        )
        return Done(told=[Told(sentence="Proposed: a second person decides.")])


class ProposeMatch(DiscrepancyAction):
    """Propose what it belongs to."""

    name = "propose-match"
    label = "Match by hand …"
    done = "proposed match"

    def makes_sense(self, row: Discrepancy, standing: Standing) -> bool:
        return super().makes_sense(row, standing) and row.kind in _MATCHED_BY_HAND

    def form(self, row: Discrepancy, entered: Any) -> forms.Form:
        return MatchForm(entered, discrepancy=row)

    def preview(self, row: Discrepancy, entered: Mapping[str, Any], person: User) -> Preview:
        match = read_match(row, **_chosen(entered))
        return Preview(
            question="Propose that these belong together?",
            button="Yes, propose it",
            lines=_sums(match),
            notes=[*_left(match), "Nothing is matched before a second person approves."],
        )

    def carry_out(self, row: Discrepancy, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        resolving.propose_match(
            discrepancy_id=row.pk,
            reason=entered["reason"],
            by=person.get_username(),
            now=timezone.now(),
            **_chosen(entered),
        )
        return Done(told=[Told(sentence="Proposed: a second person decides.")])


class ProposalAction(DiscrepancyAction):
    """Decide what is proposed about it."""

    def makes_sense(self, row: Discrepancy, standing: Standing) -> bool:
        # Of what is closed, its undoing may be proposed.
        return row.state == DiscrepancyState.PROPOSED or (
            row.state == DiscrepancyState.CLOSED and resolving.open_proposal(row) is not None
        )

    def proposal(self, row: Discrepancy) -> Proposal:
        """Return what is proposed.

        :raises NotResolvable: nothing is.
        """
        proposal = resolving.open_proposal(row)
        if proposal is None:
            raise NotResolvable("Nothing is proposed any more.")
        proposal.discrepancy = row
        return proposal


class ApproveProposal(ProposalAction):
    """Approve what somebody else proposed, which carries it out."""

    name = "approve-discrepancy"
    label = "Approve …"
    done = "approved proposal"
    permission = MAY_APPROVE
    is_grave = True

    def form(self, row: Discrepancy, entered: Any) -> forms.Form:
        return forms.Form(entered)

    def preview(self, row: Discrepancy, entered: Mapping[str, Any], person: User) -> Preview:
        proposal = self.proposal(row)
        resolving.refuse_own(proposal, by=person.get_username())
        if proposal.kind == ProposalKind.WRITE_OFF:
            refuse_above_limit(proposal, person=person, now=timezone.now())
            amount = Money(proposal.amount_minor, proposal.currency)
            return Preview(
                question=f"Approve that {amount} is written off?",
                button=f"Yes, write off {amount}",
                lines=[*_proposed(proposal), *about(row), *_posted(transfers_to_write_off(row))],
                notes=["It is posted at once; undoing it is a posting of its own."],
            )
        if proposal.kind == ProposalKind.UNDO:
            return Preview(
                question=f"Approve to undo that it was {row.get_resolution_display()}?",
                button="Yes, undo it",
                lines=[*_proposed(proposal), *about(row)],
                notes=[what_undoing_does(row)],
            )
        match = resolving.match_of(proposal)
        return Preview(
            question="Approve that these belong together?",
            button="Yes, match them",
            lines=[*_proposed(proposal), *_sums(match)],
            notes=_left(match),
        )

    def carry_out(self, row: Discrepancy, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        proposal = approve_proposal(proposal_id=self.proposal(row).pk, person=person, now=timezone.now())
        done = {ProposalKind.WRITE_OFF: "posted", ProposalKind.MATCH: "matched", ProposalKind.UNDO: "undone"}
        return Done(told=[Told(sentence=f"Approved and {done[ProposalKind(proposal.kind)]}.")])


class RejectProposal(ProposalAction):
    """Say no to what somebody else proposed."""

    name = "reject-discrepancy"
    label = "Reject …"
    done = "rejected proposal"
    permission = MAY_APPROVE

    def preview(self, row: Discrepancy, entered: Mapping[str, Any], person: User) -> Preview:
        proposal = self.proposal(row)
        resolving.refuse_own(proposal, by=person.get_username())
        return Preview(question="Reject what is proposed?", button="Yes, reject it", lines=_proposed(proposal))

    def carry_out(self, row: Discrepancy, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        resolving.reject(
            proposal_id=self.proposal(row).pk,
            reason=entered["reason"],
            by=person.get_username(),
            now=timezone.now(),
        )
        return Done(told=[Told(sentence=f"Rejected: {_stays(row)}.")])


class WithdrawProposal(ProposalAction):
    """Take one's own proposal back."""

    name = "withdraw-discrepancy"
    label = "Withdraw the proposal …"
    done = "withdrew proposal"

    def form(self, row: Discrepancy, entered: Any) -> forms.Form:
        return forms.Form(entered)

    def preview(self, row: Discrepancy, entered: Mapping[str, Any], person: User) -> Preview:
        proposal = self.proposal(row)
        if proposal.proposed_by != person.get_username():
            raise NotResolvable(f"{proposal.proposed_by} proposed it: reject it instead.")
        return Preview(question="Withdraw what you proposed?", button="Yes, withdraw it", lines=_proposed(proposal))

    def carry_out(self, row: Discrepancy, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        resolving.withdraw(proposal_id=self.proposal(row).pk, by=person.get_username(), now=timezone.now())
        return Done(told=[Told(sentence=f"Withdrawn: {_stays(row)}.")])


def _stays(row: Discrepancy) -> str:
    return "it stays as it is" if row.state == DiscrepancyState.CLOSED else "it is worked on again"


def _chosen(entered: Mapping[str, Any]) -> dict[str, list[int]]:
    return {
        "line_ids": entered["lines"],
        "entry_ids": entered.get("movements", []),
        "batch_ids": entered.get("payouts", []),
    }


def _posted(transfers: list[Transfer]) -> list[Line]:
    return [
        Line(name="Posted", value=str(money), detail=f"{from_account} to {to_account}")
        for from_account, to_account, money in transfers
    ]


def _proposed(proposal: Proposal) -> list[Line]:
    return [
        Line(name="Proposed by", value=proposal.proposed_by, detail=when_text(proposal.proposed_at)),
        Line(name="Because", value="", detail=proposal.reason),
    ]


def _sums(match: HandMatch) -> list[Line]:
    """Return both sides with their sums, and what is between them."""

    def amount(minor: int) -> str:
        return str(Money(minor, match.currency))

    is_bank = bool(match.batches)
    return [
        *(
            Line(
                name="At the bank" if is_bank else "Settled",
                value=amount(line.net_minor if is_bank else line.gross_minor),
                detail=line_words(line),
            )
            for line in match.lines
        ),
        Line(name="Together", value=amount(match.lines_minor)),
        *(Line(name="Booked", value=amount(each.minor), detail=movement_words(each)) for each in match.movements),
        *(
            Line(name="Paid out", value=amount(each.payout_minor or 0), detail=batch_words(each))
            for each in match.batches
        ),
        Line(name="Together", value=amount(match.books_minor)),
        Line(name="Difference", value=amount(match.difference_minor)),
    ]


def _left(match: HandMatch) -> list[str]:
    if not match.difference_minor:
        return []
    left = Money(abs(match.difference_minor), match.currency)
    return [f"{left} is left between them: beyond what is tolerated it stays open as a discrepancy of its own."]
