"""How far a cancellation of departures is while it runs, and every part of every guest's money at its end."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Prefetch, QuerySet, Sum

from backoffice.departure_words import OBSTACLES, REMARKS, departure_in_words, guest_of
from backoffice.models import DepartureCancellation, DepartureItem, DepartureReturn, ItemState, ReturnWay
from bookings.gift_codes import masked_code
from money import Money
from payments.models import Transaction
from payments.states import Status

_AT_ONCE = 500
_COLUMNS = ("planned", "done", "under_way", "by_hand", "settled", "failed")
HEADINGS = (
    "Departure",
    "Booking",
    "Order",
    "Mode",
    "Guest",
    "State",
    "Planned",
    "Amount",
    "Currency",
    "Way",
    "Account",
    "Reference at the gateway",
    "Result",
    "At",
    "Remark",
    "Reason",
    "Proposed by",
    "Proposed at",
    "Started by",
    "Started at",
    "Finished at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Be what goes back in one currency and mode: done, being done, left to a hand, settled by hand, and failed.

    What failed and was done at another try is done.
    """

    currency: str
    is_live: bool
    planned: Money
    done: Money
    under_way: Money
    by_hand: Money
    settled: Money
    failed: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Be how far a cancellation is."""

    bookings: int
    percent: int
    states: tuple[tuple[ItemState, int], ...]
    figures: tuple[Figures, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Be one part of a guest's money, as the report says it; a booking without any has one that says so."""

    amount: Money | None
    way: str = ""
    account: str = ""
    reference: str = ""
    result: str = ""
    at: datetime | None = None
    remark: str = ""


def progress_of(cancellation: DepartureCancellation) -> Progress:
    """Return how far a cancellation is, in three queries for any number of bookings."""
    counts = dict(cancellation.items.values_list("state").annotate(Count("id")).order_by())
    bookings = sum(counts.values())
    decided = sum(counts.get(state, 0) for state in (ItemState.DONE, ItemState.BY_HAND, ItemState.FAILED))
    return Progress(
        bookings=bookings,
        percent=100 * decided // bookings if bookings else 100,
        states=tuple((state, counts.get(state, 0)) for state in ItemState),
        figures=tuple(_figures_of(cancellation)),
    )


def report_rows(cancellation: DepartureCancellation) -> Iterator[tuple[DepartureItem, Part]]:
    """Return every part of every guest's money, booking by booking, in constant memory."""
    for item in items_to_show(cancellation.items.order_by("id")).iterator(chunk_size=_AT_ONCE):
        for part in parts_of(item):
            yield item, part


def items_to_show(items: QuerySet[DepartureItem]) -> QuerySet[DepartureItem]:
    """Read items with all that is said of them: three queries for any number of them."""
    returns = DepartureReturn.objects.select_related("transaction__account", "payment__account", "gift", "customer")
    return items.select_related("booking__availability__option__product", "order").prefetch_related(
        Prefetch("returns", queryset=returns.order_by("id"))
    )


def parts_of(item: DepartureItem) -> list[Part]:
    """Return what went back, or is to, of one booking; `items_to_show` has read it."""
    parts = [_part_of(each, item) for each in item.returns.all()]
    said = [REMARKS.get(item.remark, ""), item.error, item.settled_note and f"{item.settled_by}: {item.settled_note}"]
    if item.undecided_minor:
        said.append(f"{Money(item.undecided_minor, item.currency)} is undecided at the gateway")
    remark = "; ".join(filter(None, said))
    if parts and not remark:
        return parts
    return [*parts, Part(amount=None, result=item.get_state_display(), at=item.decided_at, remark=remark)]


def cells_of(cancellation: DepartureCancellation, item: DepartureItem, part: Part) -> list[str]:
    """Return a row of the report under `HEADINGS`."""
    departure = item.booking.availability
    return [
        departure_in_words(departure) if departure is not None else "",
        item.booking.reference,
        item.order.reference,
        "live" if item.order.is_live else "TEST",
        guest_of(item.booking),
        item.get_state_display(),
        Money(item.planned_minor, item.currency).format(),
        "" if part.amount is None else part.amount.format(),
        item.currency,
        part.way,
        part.account,
        part.reference,
        part.result,
        _at(part.at),
        part.remark,
        cancellation.reason,
        cancellation.proposed_by,
        _at(cancellation.proposed_at),
        cancellation.started_by,
        _at(cancellation.started_at),
        _at(cancellation.finished_at),
    ]


def _figures_of(cancellation: DepartureCancellation) -> Iterator[Figures]:
    sums: dict[tuple[str, bool], Counter[str]] = defaultdict(Counter)
    planned = cancellation.items.values_list("currency", "order__is_live").annotate(Sum("planned_minor")).order_by()
    for currency, is_live, minor in planned:
        sums[currency, is_live]["planned"] += minor
    rows = (
        DepartureReturn.objects.filter(item__cancellation=cancellation)
        .values_list(
            "currency", "item__order__is_live", "way", "transaction__status", "item__state", "item__settled_by"
        )
        .annotate(amount=Sum("amount_minor"))
        .order_by()
    )
    for currency, is_live, way, status, state, settled_by, amount in rows:
        sums[currency, is_live][_column_of(way, status, state, is_settled=bool(settled_by))] += amount
    for (currency, is_live), found in sorted(sums.items(), key=lambda each: (not each[0][1], each[0][0])):
        amounts = {name: Money(found[name], currency) for name in _COLUMNS}
        yield Figures(currency=currency, is_live=is_live, **amounts)


def _column_of(way: str, status: str | None, state: str, *, is_settled: bool) -> str:
    if way == ReturnWay.BY_HAND:
        return "settled" if is_settled else "by_hand"
    if status == Status.PENDING:
        return "under_way"
    if status == Status.FAILED:
        return "failed" if state == ItemState.FAILED else ""
    return "done"


def _part_of(each: DepartureReturn, item: DepartureItem) -> Part:
    operation = each.transaction
    way, amount = each.get_way_display(), Money(each.amount_minor, each.currency)
    if each.way == ReturnWay.BY_HAND:
        account = each.payment.account.slug if each.payment is not None else ""
        reference = each.payment.reference if each.payment is not None else ""
        result = "settled by hand" if item.settled_by else "to be done by hand"
        return Part(
            amount=amount,
            way=way,
            account=account,
            reference=reference,
            result=result,
            at=item.decided_at if item.settled_by else None,
            remark=OBSTACLES[each.obstacle],
        )
    if operation is None:
        reference = masked_code(each.gift) if each.gift is not None else f"customer {each.customer}"
        return Part(amount=amount, way=way, reference=reference, result="done", at=each.written_at)
    return Part(
        amount=amount,
        way=way,
        account=operation.account.slug,
        reference=operation.gateway_reference or operation.reference,
        result=_result_of(operation),
        at=operation.decided_at,
        remark=operation.raw_text if operation.status == Status.FAILED else "",
    )


def _result_of(operation: Transaction) -> str:
    if operation.status == Status.PROCESSED:
        return "done"
    if operation.status == Status.FAILED:
        return "failed"
    if operation.unknown_since_at is not None:
        return "nobody knows yet"
    return "accepted, the result is to come" if operation.gateway_reference else "not sent yet"


def _at(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment is not None else ""
