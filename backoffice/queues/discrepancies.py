"""The queue of what the processors, or the bank, say otherwise than our books."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Case, CharField, Count, DateTimeField, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Cast

from backoffice.queues.actions import button
from backoffice.queues.queue import Button, Facet, Fact, Paths, Queue, Row, Source
from backoffice.queues.trips import NO_TRIP, trips_of
from gateways.models import Environment
from payments.admin.columns import money_text, page_of
from reconciliation.aging import BUCKETS, BY_NAME, bucket_of, day_of
from reconciliation.models import Discrepancy, DiscrepancyKind, DiscrepancyState, SettlementSource
from reconciliation.selectors import discrepancies_before_people, open_discrepancies

_NOBODY = "nobody"


def _open(_now: datetime) -> QuerySet[Discrepancy]:
    return discrepancies_before_people().select_related(
        "source__account", "line", "entry__payment__partner", "batch", "assignee"
    )


def _show(discrepancies: Sequence[Discrepancy], now: datetime) -> list[Row]:
    today = day_of(now)
    payments = {each.pk: each.entry.payment for each in discrepancies if each.entry is not None}
    trips = trips_of({payment.order_id for payment in payments.values() if payment is not None})
    rows = []
    for each in discrepancies:
        payment, account = payments.get(each.pk), each.source.account
        trip = trips[payment.order_id] if payment is not None else NO_TRIP
        facts = [
            Fact(name="About", value=str(each.line or each.entry or each.batch)),
            Fact(name="Age", value=bucket_of(each.opened_on, today).words),
        ]
        if payment is not None:
            facts.append(Fact(name="Payment", value=payment.reference, url=page_of(payment)))
        if each.assignee is not None:
            facts.append(Fact(name="Assigned to", value=each.assignee.get_username()))
        if each.state == DiscrepancyState.PROPOSED:
            facts.append(Fact(name="Proposed by", value=each.proposed_by))
        if each.state == DiscrepancyState.CLOSED:
            facts.append(Fact(name="To be undone", value=each.get_resolution_display()))
        rows.append(
            Row(
                name=each.get_kind_display(),
                url=page_of(each),
                detail=each.detail,
                since=each.opened_at,
                amount=money_text(each.amount_minor, each.currency),
                guest=trip.guest,
                departs_at=trip.departs_at,
                is_live=account.environment == Environment.LIVE if account is not None else None,
                partner=str(payment.partner) if payment is not None else "",
                account=each.source.slug,
                facts=tuple(facts),
                buttons=_buttons(each),
            )
        )
    return rows


def _buttons(discrepancy: Discrepancy) -> tuple[Button, ...]:
    if discrepancy.state in (DiscrepancyState.PROPOSED, DiscrepancyState.CLOSED):
        return (button("approve-discrepancy", discrepancy), button("reject-discrepancy", discrepancy))
    return (button("assign-discrepancy", discrepancy), button("explain-discrepancy", discrepancy))


def _sources() -> tuple[tuple[str, str], ...]:
    return tuple((slug, slug) for slug in SettlementSource.objects.order_by("slug").values_list("slug", flat=True))


def _currencies() -> tuple[tuple[str, str], ...]:
    found = open_discrepancies().order_by("currency").values_list("currency", flat=True).distinct()
    return tuple((code, code) for code in found)


def _assignees() -> tuple[tuple[str, str], ...]:
    names = User.objects.filter(discrepancies__isnull=False).order_by("username").distinct()
    return ((_NOBODY, "nobody"), *((str(pk), name) for pk, name in names.values_list("pk", "username")))


def _of_assignee(value: str, _now: datetime) -> Q | None:
    if value == _NOBODY:
        return Q(assignee__isnull=True)
    return Q(assignee=int(value)) if value.isdecimal() else None


def _of_age(value: str, now: datetime) -> Q | None:
    bucket = BY_NAME.get(value)
    return bucket.holds(day_of(now)) if bucket is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeSum:
    """Be what is open of one age: how many in all, and what they come to in each currency, never across them."""

    words: str
    count: int
    amounts: tuple[str, ...]


def sums_by_age(rows: QuerySet[Discrepancy], now: datetime) -> list[AgeSum]:
    """Return what discrepancies come to by age, the youngest first, in one query."""
    today = day_of(now)
    age = Case(
        *(When(bucket.holds(today), then=Value(bucket.name)) for bucket in BUCKETS),
        output_field=CharField(),
    )
    counted: dict[str, list[tuple[str, int, int]]] = {}
    figures = rows.order_by().annotate(age=age).values_list("age", "currency")
    for name, currency, count, minor in figures.annotate(count=Count("pk"), minor=Sum("amount_minor")):
        counted.setdefault(name, []).append((currency, count, minor))
    return [
        AgeSum(
            words=bucket.words,
            count=sum(count for _, count, _ in found),
            amounts=tuple(money_text(int(minor), currency) for currency, _, minor in sorted(found)),
        )
        for bucket, found in ((each, counted.get(each.name, [])) for each in BUCKETS)
    ]


OPEN_DISCREPANCIES = Queue(
    slug="discrepancies",
    name="Discrepancies",
    sentence="A settlement file, or the bank, says otherwise than our books: explain it, match it by hand, or have it "
    "written off by two people.",
    permission="reconciliation.view_discrepancy",
    sources=(
        Source(
            rows=_open,
            urgency=Cast("opened_on", DateTimeField()),
            since="opened_at",
            paths=Paths(),
            show=_show,
        ),
    ),
    facets=(
        Facet(
            name="kind",
            label="Kind",
            options=lambda: tuple((value, str(label)) for value, label in DiscrepancyKind.choices),
            rows=lambda value, _: Q(kind=value),
        ),
        Facet(name="source", label="Account", options=_sources, rows=lambda value, _: Q(source__slug=value)),
        Facet(name="currency", label="Currency", options=_currencies, rows=lambda value, _: Q(currency=value)),
        Facet(
            name="state",
            label="Stands",
            options=lambda: tuple(
                (state.value, state.label.lower()) for state in DiscrepancyState if state != DiscrepancyState.CLOSED
            ),
            rows=lambda value, _: Q(state=value),
        ),
        Facet(name="assignee", label="Assigned to", options=_assignees, rows=_of_assignee),
        Facet(
            name="age",
            label="Age",
            options=lambda: tuple((bucket.name, bucket.words) for bucket in BUCKETS),
            rows=_of_age,
        ),
    ),
    sums=sums_by_age,
    template="admin/backoffice/queues/discrepancies.html",
)
