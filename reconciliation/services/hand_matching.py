"""Match by hand: lines with movements of the ledger, or lines of the bank with payouts, several with several."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet, Sum

from reconciliation.errors import NotResolvable
from reconciliation.models import (
    PAYMENT_KINDS,
    BatchState,
    Discrepancy,
    DiscrepancyKind,
    DiscrepancyState,
    LedgerConsumed,
    LineKind,
    Match,
    Proposal,
    Resolution,
    Rule,
    SettlementBatch,
    SettlementLine,
)
from reconciliation.movements import UNPLACED, Movement, free_movements
from reconciliation.services.events import close, note, reopen, worked_state
from reconciliation.services.matching import money_account_of

_TAKEN = "{} was matched or is gone meanwhile; nothing was done. Look again."


@dataclass(frozen=True, slots=True, kw_only=True)
class HandMatch:
    """Be what is to be matched: lines with movements, or lines of the bank with batches, all in one currency.

    `lines_minor` and `books_minor` are the sums of the two sides, signed.
    """

    lines: tuple[SettlementLine, ...]
    movements: tuple[Movement, ...]
    batches: tuple[SettlementBatch, ...]
    currency: str
    lines_minor: int
    books_minor: int

    @property
    def difference_minor(self) -> int:
        """Return what the lines say beyond the books."""
        return self.lines_minor - self.books_minor


def read_match(
    discrepancy: Discrepancy, *, line_ids: Sequence[int], entry_ids: Sequence[int], batch_ids: Sequence[int]
) -> HandMatch:
    """Return what is chosen, as it stands now.

    :raises NotResolvable: it cannot be matched.
    """
    lines = tuple(
        SettlementLine.objects.filter(pk__in=line_ids)
        .exclude(matches__in=Match.objects.filter(undone_at__isnull=True))
        .select_related("batch", "report__source")
        .order_by("pk")
    )
    if len(lines) < len(set(line_ids)):
        raise NotResolvable(_TAKEN.format("A line"))
    if not lines:
        raise NotResolvable("Choose at least one line.")
    if batch_ids or any(line.kind == LineKind.BANK for line in lines):
        match = _with_payouts(lines, batch_ids)
        if entry_ids:
            raise NotResolvable("A line of the bank belongs to payouts, not to payments.")
        is_about_it = discrepancy.line_id in line_ids or discrepancy.batch_id in batch_ids
    else:
        match = _with_movements(discrepancy, lines, entry_ids)
        is_about_it = discrepancy.line_id in line_ids or discrepancy.entry_id in entry_ids
    if not is_about_it:
        raise NotResolvable("What it is about is not among what you chose.")
    _refuse_written_off(line_ids, entry_ids, batch_ids)
    return match


def _refuse_written_off(line_ids: Sequence[int], entry_ids: Sequence[int], batch_ids: Sequence[int]) -> None:
    """Refuse what is out of the books already, for a match would settle it a second time."""
    chosen = Q(line__in=line_ids) | Q(entry__in=entry_ids) | Q(batch__in=batch_ids)
    if Discrepancy.objects.filter(chosen, resolution=Resolution.WRITTEN_OFF).exists():
        raise NotResolvable("Something of it was written off: undo that first.")


def _with_movements(discrepancy: Discrepancy, lines: tuple[SettlementLine, ...], entry_ids: Sequence[int]) -> HandMatch:
    source = discrepancy.source
    if any(line.report.source_id != source.pk or line.kind not in PAYMENT_KINDS for line in lines):
        raise NotResolvable("Only lines of payments, of one account, can be matched with payments.")
    currency = _one_currency({line.gross_currency for line in lines})
    assert source.account_id is not None, "only a bank has none"
    movements = tuple(
        free_movements(
            account_id=source.account_id,
            money_account=money_account_of(source),
            currency=currency,
            entry_ids=entry_ids,
        )
    )
    if len(movements) < len(set(entry_ids)):
        raise NotResolvable(_TAKEN.format("A movement"))
    match = HandMatch(
        lines=lines,
        movements=movements,
        batches=(),
        currency=currency,
        lines_minor=sum(line.gross_minor for line in lines),
        books_minor=sum(movement.minor for movement in movements),
    )
    if not movements and match.difference_minor:
        raise NotResolvable("Lines without a movement belong together only where they come to nothing.")
    return match


def _with_payouts(lines: tuple[SettlementLine, ...], batch_ids: Sequence[int]) -> HandMatch:
    if len(lines) != 1 or lines[0].kind != LineKind.BANK:
        raise NotResolvable("Payouts are matched with one line of the bank.")
    batches = tuple(
        SettlementBatch.objects.filter(pk__in=batch_ids, state=BatchState.BALANCED, bank_line__isnull=True).order_by(
            "pk"
        )
    )
    if len(batches) < len(set(batch_ids)):
        raise NotResolvable(_TAKEN.format("A payout"))
    currency = _one_currency({lines[0].net_currency, *(batch.currency for batch in batches)})
    match = HandMatch(
        lines=lines,
        movements=(),
        batches=batches,
        currency=currency,
        lines_minor=lines[0].net_minor,
        books_minor=sum(batch.payout_minor or 0 for batch in batches),
    )
    if not batches or match.difference_minor:
        raise NotResolvable("What the bank received must be exactly the payouts that you choose.")
    return match


def _one_currency(found: set[str]) -> str:
    if len(found) != 1:
        raise NotResolvable("All that is matched must be in one currency.")
    return found.pop()


def carry_out_match(proposal: Proposal, match: HandMatch, *, by: str, now: datetime) -> None:
    """Write the match of a proposal, and close what it settles; in the caller's transaction, under the source's lock.

    The first line takes the movements, the others follow it. What the lines say beyond the books stays as a discrepancy
    of the amount, for a write-off of its own.
    """
    lead = Match.objects.create(
        line=match.lines[0],
        rule=Rule.HAND,
        difference_minor=match.difference_minor,
        matched_by=proposal.proposed_by,
        matched_at=now,
    )
    Match.objects.bulk_create(
        Match(line=line, lead=lead, rule=Rule.HAND, matched_by=proposal.proposed_by, matched_at=now)
        for line in match.lines[1:]
    )
    LedgerConsumed.objects.bulk_create(
        LedgerConsumed(entry_id=movement.entry_id, match=lead) for movement in match.movements
    )
    # Whoever gives the same payout to another line of the bank has the lock of another source.
    free = SettlementBatch.objects.filter(
        pk__in=[batch.pk for batch in match.batches], state=BatchState.BALANCED, bank_line__isnull=True
    )
    if free.update(bank_line=match.lines[0], state=BatchState.PAID) < len(match.batches):
        raise NotResolvable(_TAKEN.format("A payout"))
    close(
        _settled_by(proposal).exclude(state=DiscrepancyState.CLOSED),
        resolution=Resolution.MATCHED_BY_HAND,
        reason=proposal.reason,
        proposed_by=proposal.proposed_by,
        approved_by=by,
        by=by,
        action="approved",
        now=now,
    )
    if abs(match.difference_minor) > proposal.discrepancy.source.tolerance_minor:
        _open_difference(proposal, match, now)


def undo_match(proposal: Proposal, *, reason: str, by: str, now: datetime) -> None:
    """Take a match by hand back: its rows stay and count no more, and what it settled is open again.

    :raises NotResolvable: what was left of it was written off.
    """
    matches = Match.objects.filter(line__in=proposal.line_ids, rule=Rule.HAND, undone_at__isnull=True)
    left = Discrepancy.objects.filter(line__in=proposal.line_ids, kind=DiscrepancyKind.AMOUNT).select_for_update(
        of=("self",)
    )
    if left.filter(resolution=Resolution.WRITTEN_OFF).exists():
        raise NotResolvable("What it left was written off: undo that first.")
    close(
        # Nobody decided that it is none: another match may leave it again.
        left.exclude(resolution=Resolution.ARRIVED),
        resolution=Resolution.ARRIVED,
        reason=f"the match was undone: {reason}"[:300],
        by=by,
        action="closed",
        now=now,
    )
    # Their triggers keep with the match what it had taken.
    LedgerConsumed.objects.filter(match__in=matches).delete()
    for batch in SettlementBatch.objects.filter(pk__in=proposal.batch_ids, bank_line__in=proposal.line_ids):
        _take_back_from_bank(batch)
    matches.update(undone_at=now)
    reopen(_settled_by(proposal).filter(resolution=Resolution.MATCHED_BY_HAND), reason=reason, by=by, now=now)


def _take_back_from_bank(batch: SettlementBatch) -> None:
    """Have a batch stand as its lines say, for what the bank received is its payout no more: it may have got lines
    since.
    """
    paid = batch.lines.filter(kind=LineKind.PAYOUT).aggregate(minor=Sum("net_minor"))["minor"]
    # One that names no payout is one itself: only a payout is matched with the bank.
    batch.payout_minor = batch.net_minor if paid is None else -int(paid)
    batch.difference_minor = batch.net_minor - batch.payout_minor
    batch.state = BatchState.UNBALANCED if batch.difference_minor else BatchState.BALANCED
    batch.bank_line = None
    batch.save(update_fields=["payout_minor", "difference_minor", "state", "bank_line"])


def _settled_by(proposal: Proposal) -> QuerySet[Discrepancy]:
    """Return the discrepancies that a match settles, locked in order."""
    about = (
        Q(line__in=proposal.line_ids, kind__in=UNPLACED)
        | Q(entry__in=proposal.entry_ids, kind=DiscrepancyKind.MISSING_THERE)
        | Q(batch__in=proposal.batch_ids, kind=DiscrepancyKind.NOT_IN_BANK)
    )
    return Discrepancy.objects.filter(about).select_for_update(of=("self",)).select_related("source").order_by("pk")


def _open_difference(proposal: Proposal, match: HandMatch, now: datetime) -> None:
    line, source = match.lines[0], proposal.discrepancy.source
    amount_minor = abs(match.difference_minor)
    found, is_new = Discrepancy.objects.get_or_create(
        line=line,
        kind=DiscrepancyKind.AMOUNT,
        defaults={
            "source": source,
            "amount_minor": amount_minor,
            "currency": match.currency,
            "opened_on": line.settled_at.astimezone(ZoneInfo(source.time_zone)).date(),
            "opened_at": now,
        },
    )
    before = "" if is_new else found.state
    if not is_new:
        found.state, found.resolution, found.reason, found.closed_at = worked_state(found), "", "", None
        found.proposed_by, found.approved_by, found.amount_minor = "", "", amount_minor
        found.save(
            update_fields=["state", "resolution", "reason", "closed_at", "proposed_by", "approved_by", "amount_minor"]
        )
    note(
        found,
        action="opened",
        by="system",
        detail="left by a match by hand",
        now=now,
        before=before,
        amount_minor=amount_minor,
    )
