"""What the page of a discrepancy shows: where it stands, what it is about, what is proposed, and what was done."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from payments.admin.columns import link_to, money_text, when_text
from payments.admin.contributions import Section
from reconciliation.aging import bucket_of
from reconciliation.models import (
    Discrepancy,
    DiscrepancyKind,
    DiscrepancyState,
    LedgerConsumed,
    Match,
    Proposal,
    Resolution,
    SettlementLine,
)
from reconciliation.movements import (
    UNPLACED,
    candidate_lines,
    candidate_movements,
    movement_minor,
    movements_minor,
    names_of,
)
from reconciliation.services.matching import money_account_of

_MOST = 200


def page_context(discrepancy: Discrepancy, *, today: date) -> dict[str, Any]:
    """Return what the page shows, in a constant number of queries."""
    amount = money_text(discrepancy.amount_minor, discrepancy.currency)
    return {
        "title": f"{discrepancy.get_kind_display().capitalize()}: {amount}",
        "subtitle": None,
        "facts": list(_facts(discrepancy, today)),
        "sections": list(_sections(discrepancy)),
    }


def _facts(discrepancy: Discrepancy, today: date) -> Iterator[tuple[str, str]]:
    yield "At stake", money_text(discrepancy.amount_minor, discrepancy.currency)
    yield "Account", link_to(discrepancy.source)
    yield "Since", f"{discrepancy.opened_on} ({bucket_of(discrepancy.opened_on, today).words})"
    yield "Stands", DiscrepancyState(discrepancy.state).label.lower()
    yield "Assigned to", discrepancy.assignee.get_username() if discrepancy.assignee is not None else "nobody"
    if discrepancy.state == DiscrepancyState.CLOSED:
        yield "Closed", f"{when_text(discrepancy.closed_at)}: {discrepancy.get_resolution_display()}"
        if discrepancy.reason:
            yield "Because", discrepancy.reason
        if discrepancy.approved_by:
            yield "By", f"{discrepancy.proposed_by}, approved by {discrepancy.approved_by}"
    if discrepancy.detail:
        yield "Said", discrepancy.detail
    if discrepancy.kind in (DiscrepancyKind.SETTLED_AFTER_ALL, DiscrepancyKind.ANOTHER_PAYOUT):
        written_off = Discrepancy.objects.filter(
            entry=discrepancy.entry, batch=discrepancy.batch, resolution=Resolution.WRITTEN_OFF
        )
        yield "The write-off", link_to(written_off.first())


def _sections(discrepancy: Discrepancy) -> Iterator[Section]:
    proposals = list(discrepancy.proposals.select_related("posting", "undo_posting").order_by("-id")[:_MOST])
    if proposals:
        yield _proposals(proposals)
    line, batch = discrepancy.line, discrepancy.batch
    if line is not None:
        yield _line(line)
        batch = line.batch
    yield from _movements(discrepancy)
    if batch is not None:
        yield Section(
            anchor="batch",
            title="Its batch",
            headers=("batch", "stands", "settled", "net", "fees", "payout", "difference"),
            rows=(
                (
                    link_to(batch),
                    batch.state.lower(),
                    when_text(batch.settled_at),
                    money_text(batch.net_minor, batch.currency),
                    money_text(batch.fee_minor, batch.currency),
                    money_text(batch.payout_minor, batch.currency),
                    money_text(batch.difference_minor, batch.currency),
                ),
            ),
            empty="",
        )
    yield from _candidates(discrepancy)
    yield Section(
        anchor="events",
        title="What was done",
        headers=("when", "who", "what", "then it was", "at stake", "said"),
        rows=tuple(
            (
                when_text(event.at),
                event.actor,
                event.action,
                event.state_after.lower(),
                money_text(event.amount_minor, discrepancy.currency),
                event.detail,
            )
            for event in discrepancy.events.order_by("-id")[:_MOST]
        ),
        empty="Nothing yet.",
    )


def _proposals(proposals: list[Proposal]) -> Section:
    return Section(
        anchor="proposals",
        title="What is or was proposed",
        headers=("when", "by", "what", "amount", "because", "decided", "posted", "undone"),
        rows=tuple(
            (
                when_text(each.proposed_at),
                each.proposed_by,
                each.get_kind_display(),
                money_text(each.amount_minor, each.currency),
                each.reason,
                _decided(each),
                link_to(each.posting),
                f"{when_text(each.undone_at)} by {each.undone_by}" if each.undone_at else "–",
            )
            for each in proposals
        ),
        empty="",
    )


def _decided(proposal: Proposal) -> str:
    if not proposal.decision:
        return "waits for a second person"
    said = f": {proposal.decision_reason}" if proposal.decision_reason else ""
    return f"{proposal.get_decision_display().lower()} by {proposal.decided_by}{said}"


def _line(line: SettlementLine) -> Section:
    return Section(
        anchor="line",
        title="What the file says",
        headers=("file", "what", "gross", "fee", "net", "happened", "settled", "references", "text"),
        rows=(
            (
                f"{line.report.file_name}, line {line.line_number}",
                f"{line.kind.replace('_', ' ').lower()} ({line.vendor_type})",
                money_text(line.gross_minor, line.gross_currency),
                money_text(line.fee_minor, line.net_currency),
                money_text(line.net_minor, line.net_currency),
                when_text(line.occurred_at),
                when_text(line.settled_at),
                ", ".join(names_of(line)) or "none",
                line.description,
            ),
        ),
        empty="",
    )


def _movements(discrepancy: Discrepancy) -> Iterator[Section]:
    """Show what was booked: what it is about, or what its line was matched with."""
    entries = [discrepancy.entry] if discrepancy.entry is not None else []
    if discrepancy.line_id is not None:
        match = Match.objects.filter(line_id=discrepancy.line_id, undone_at__isnull=True).first()
        if match is not None:
            taken = LedgerConsumed.objects.filter(match_id=match.lead_id or match.pk).select_related(
                "entry__posting", "entry__transaction", "entry__payment"
            )
            entries = [each.entry for each in taken.order_by("entry_id")[:_MOST]]
    if discrepancy.source.account is None:
        return
    moved = movements_minor(entries, money_account_of(discrepancy.source))
    yield Section(
        anchor="movements",
        title="What the books say",
        headers=("payment", "operation", "amount", "happened", "posting"),
        rows=tuple(
            (
                link_to(entry.payment),
                link_to(entry.transaction),
                money_text(moved[entry.pk], entry.currency),
                when_text(entry.posting.occurred_at),
                link_to(entry.posting),
            )
            for entry in entries
        ),
        empty="Nothing in the books was matched with it.",
    )


def _candidates(discrepancy: Discrepancy) -> Iterator[Section]:
    """Show what it could belong to; who may work on it matches it by hand."""
    line, entry, source = discrepancy.line, discrepancy.entry, discrepancy.source
    if discrepancy.state == DiscrepancyState.CLOSED or source.account_id is None:
        return
    money_account = money_account_of(source)
    if line is not None and discrepancy.kind in UNPLACED:
        found = candidate_movements(
            account_id=source.account_id,
            money_account=money_account,
            currency=discrepancy.currency,
            minor=line.gross_minor,
            at=line.occurred_at,
            references=names_of(line),
        )
        yield Section(
            anchor="candidates",
            title="What it could belong to",
            headers=("payment", "operation", "amount", "happened"),
            rows=tuple(
                (
                    each.payment_reference,
                    f"{each.kind.lower()} {each.gateway_reference or each.reference}",
                    money_text(each.minor, each.currency),
                    when_text(each.occurred_at),
                )
                for each in found
            ),
            empty="Nothing that is free comes near.",
        )
    elif entry is not None and discrepancy.kind == DiscrepancyKind.MISSING_THERE:
        lines = candidate_lines(
            source_id=source.pk,
            currency=discrepancy.currency,
            minor=movement_minor(entry, money_account),
            references=[entry.transaction.gateway_reference or ""] if entry.transaction is not None else [],
        )
        yield Section(
            anchor="candidates",
            title="What it could belong to",
            headers=("file", "amount", "settled", "references"),
            rows=tuple(
                (
                    f"{each.report.file_name}, line {each.line_number}",
                    money_text(each.gross_minor, each.gross_currency),
                    when_text(each.settled_at),
                    ", ".join(names_of(each)) or "none",
                )
                for each in lines
            ),
            empty="No line without a place comes near.",
        )
