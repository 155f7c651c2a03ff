"""What the page of a batch shows: what it says by kind of line, whether it comes to its payout, and what was posted."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, Sum

from payments.admin.columns import link_to, money_text, when_text
from payments.admin.contributions import Section
from payments.models import LedgerEntry
from reconciliation.models import BatchState, Discrepancy, SettlementBatch

_MOST = 100


def batch_context(batch: SettlementBatch) -> dict[str, Any]:
    """Return what the page shows, in a constant number of queries."""
    return {
        "title": f"Batch {batch.reference} of {batch.source}",
        "subtitle": None,
        "facts": list(_facts(batch)),
        "sections": [_lines(batch), _postings(batch), _discrepancies(batch)],
    }


def _facts(batch: SettlementBatch) -> Iterator[tuple[str, str]]:
    yield "Account", link_to(batch.source)
    yield "Stands", BatchState(batch.state).label.lower()
    yield "Settled", when_text(batch.settled_at)
    yield "Lines", str(batch.line_count)
    taken_back = batch.lines.filter(superseded__isnull=False).count()
    if taken_back:
        yield "Taken back", f"{taken_back} more, each by another: a newer report has them otherwise, or no more"
    yield "Its lines come to", money_text(batch.net_minor, batch.currency)
    yield "Of that the gateway kept", money_text(batch.fee_minor, batch.currency)
    paid_out = money_text(batch.payout_minor, batch.currency) if batch.payout_minor is not None else "not told yet"
    yield "Paid out", paid_out
    yield "Difference", money_text(batch.difference_minor, batch.currency)
    line = batch.bank_line
    if line is None:
        yield "At the bank", "not seen yet"
    else:
        amount = money_text(line.net_minor, line.net_currency)
        yield "At the bank", f"{amount}, {when_text(line.settled_at)}: {line.description} ({line.report}, {line})"


def _lines(batch: SettlementBatch) -> Section:
    kinds = (
        batch.lines.filter(superseded__isnull=True, supersedes__isnull=True)
        .values("kind", "gross_currency", "net_currency")
        .annotate(count=Count("pk"), gross=Sum("gross_minor"), fee=Sum("fee_minor"), net=Sum("net_minor"))
        .order_by("kind", "gross_currency", "net_currency")
    )
    return Section(
        anchor="lines",
        title="Lines by kind",
        headers=("kind", "lines", "gross", "fees", "net"),
        rows=tuple(
            (
                each["kind"].replace("_", " ").lower(),
                str(each["count"]),
                money_text(int(each["gross"]), each["gross_currency"]),
                money_text(int(each["fee"]), each["net_currency"]),
                money_text(int(each["net"]), each["net_currency"]),
            )
            for each in kinds[:_MOST]
        ),
        empty="It has no line.",
    )


def _postings(batch: SettlementBatch) -> Section:
    entries = (
        LedgerEntry.objects.filter(posting__settlement_batch__batch=batch).select_related("posting").order_by("id")
    )
    return Section(
        anchor="postings",
        title="What was posted for it",
        headers=("posting", "from", "to", "amount", "happened", "counts"),
        rows=tuple(
            (
                link_to(entry.posting),
                entry.from_account,
                entry.to_account,
                money_text(entry.amount_minor, entry.currency),
                when_text(entry.posting.occurred_at),
                when_text(entry.posting.counts_at),
            )
            for entry in entries[:_MOST]
        ),
        empty="Nothing: a batch that does not add up is not posted.",
    )


def _discrepancies(batch: SettlementBatch) -> Section:
    found = Discrepancy.objects.filter(batch=batch) | Discrepancy.objects.filter(line__batch=batch)
    return Section(
        anchor="discrepancies",
        title="Discrepancies",
        headers=("what", "at stake", "since", "stands"),
        rows=tuple(
            (
                link_to(each),
                money_text(each.amount_minor, each.currency),
                str(each.opened_on),
                each.get_resolution_display() if each.resolution else each.state.lower(),
            )
            for each in found.order_by("state", "opened_on", "id")[:_MOST]
        ),
        empty="None.",
    )
