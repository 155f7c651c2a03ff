"""What was taken, refused and refunded: by day, gateway and currency, from the operations that were decided.

What came of it in money is in the ledger; this is what staff look at in the morning. Currencies are never added up.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from gateways.models import Environment, GatewayAccount
from money import Money
from payments.states import OperationKind, Status

DAYS = 30
_TAKEN = [OperationKind.SALE, OperationKind.CAPTURE]
_TRIED = [OperationKind.SALE, OperationKind.AUTHORIZATION]
# Day by day, because of a day PostgreSQL knows that its groups are few and hashes them; grouped by an expression of the
# moment they seem as many as the rows, which it would sort first. Nothing but columns of the index, so that it is all
# that is read.
_SUMS = """
SELECT day.date, sums.account_id, sums.currency, sums.kind, sums.status, sums.count, sums.minor
FROM unnest(%(days)s::date[], %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS day (date, starts_at, ends_at)
CROSS JOIN LATERAL (
    SELECT account_id, currency, kind, status, count(*) AS count, sum(amount_minor) AS minor
    FROM payments_transaction
    WHERE decided_at >= day.starts_at AND decided_at < day.ends_at AND account_id = ANY(%(accounts)s)
        AND (
            status = %(processed)s AND (kind = ANY(%(taken)s) OR kind = %(refund)s)
            OR status = %(failed)s AND kind = ANY(%(tried)s)
        )
    GROUP BY account_id, currency, kind, status
) AS sums
"""
# One bar for each, in which every gateway has its shade; all of them can be told from a white and from a dark page.
SHADES = {
    "taken": ("#16a34a", "#86efac", "#15803d", "#4ade80", "#22c55e", "#bbf7d0"),
    "refused": ("#dc2626", "#fca5a5", "#b91c1c", "#f87171", "#ef4444", "#fecaca"),
    "refunded": ("#d97706", "#fcd34d", "#b45309", "#fbbf24", "#f59e0b", "#fde68a"),
}
_OF_AXES = "#7a8290"  # as far from white as from the dark page: 4 to 1
CHART_OPTIONS: dict[str, Any] = {
    "animation": False,
    "maintainAspectRatio": False,
    # The page has one of its own, which wraps, leaves the bars their height and follows the theme.
    "plugins": {"legend": {"display": False}},
    "datasets": {"bar": {"barPercentage": 1.0, "categoryPercentage": 0.85}},
    "scales": {
        "x": {
            "stacked": True,
            "grid": {"display": False},
            "ticks": {"color": _OF_AXES, "maxRotation": 0, "autoSkipPadding": 10},
        },
        "y": {
            "stacked": True,
            "beginAtZero": True,
            "grid": {"color": f"{_OF_AXES}55"},
            "ticks": {"color": _OF_AXES, "maxTicksLimit": 6},
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Be how often, and how much in all."""

    count: int = 0
    minor: int = 0

    def __add__(self, other: "Figure") -> "Figure":
        return Figure(count=self.count + other.count, minor=self.minor + other.minor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Be one day at one gateway in one currency."""

    day: date
    gateway: str
    currency: str
    taken: Figure
    refused: Figure
    refunded: Figure

    def cells(self) -> list[str]:
        """Return the three figures as people read them."""
        return [
            f"{figure.count} · {Money(figure.minor, self.currency)}" if figure.count else "–"
            for figure in (self.taken, self.refused, self.refunded)
        ]


def takings(*, environment: Environment, now: datetime) -> list[Row]:
    """Return the rows of the last 30 days, today among them, newest first; days without operations have none.

    One query, over the part of the index `transaction_by_decision` that those days fill, without the table. Days are
    those of the current time zone.
    """
    gateways = dict(GatewayAccount.objects.filter(environment=environment).values_list("pk", "gateway"))
    days = [timezone.localdate(now) - timedelta(days=back) for back in range(DAYS)]
    figures: dict[tuple[date, str, str], dict[str, Figure]] = defaultdict(lambda: defaultdict(Figure))
    with connection.cursor() as cursor:
        cursor.execute(
            _SUMS,
            {
                "days": days,
                "starts": [_midnight(day) for day in days],
                "ends": [_midnight(day + timedelta(days=1)) for day in days],
                "accounts": list(gateways),
                "taken": _TAKEN,
                "tried": _TRIED,
                "refund": OperationKind.REFUND,
                "processed": Status.PROCESSED,
                "failed": Status.FAILED,
            },
        )
        for day, account, currency, kind, status, count, minor in cursor:
            place = figures[day, gateways[account], currency]
            place[_what(kind, status)] += Figure(count=count, minor=int(minor))
    rows = [
        Row(day=day, gateway=gateway, currency=currency, **{what: place[what] for what in SHADES})
        for (day, gateway, currency), place in figures.items()
    ]
    return sorted(rows, key=lambda row: (-row.day.toordinal(), row.gateway, row.currency))


def charts(rows: Iterable[Row], *, now: datetime) -> list[dict[str, Any]]:
    """Return a chart for each currency, as Chart.js takes it; amounts are exact decimals, in major units."""
    today = timezone.localdate(now)
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    by_currency: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_currency[row.currency].append(row)
    drawn = []
    for currency, found in sorted(by_currency.items()):
        datasets = _datasets(found, days)
        drawn.append(
            {
                "currency": currency,
                "rows": found,
                "data": {"labels": [f"{day:%d %b}" for day in days], "datasets": datasets},
                "legend": legend_of(datasets),
                "options": CHART_OPTIONS,
            }
        )
    return drawn


def legend_of(datasets: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return what the parts of a chart are called, each with its color, for the page to write below it."""
    return [(each["label"], each["backgroundColor"]) for each in datasets]


def _datasets(rows: list[Row], days: list[date]) -> list[dict[str, Any]]:
    gateways = sorted({row.gateway for row in rows})
    currency = rows[0].currency
    datasets = []
    for what, shades in SHADES.items():
        for position, gateway in enumerate(gateways):
            minor = {row.day: getattr(row, what).minor for row in rows if row.gateway == gateway}
            if any(minor.values()):
                datasets.append(
                    {
                        "label": f"{what}, {gateway}",
                        "stack": what,
                        "backgroundColor": shades[position % len(shades)],
                        "data": [Money(minor.get(day, 0), currency).format() for day in days],
                    }
                )
    return datasets


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _what(kind: str, status: str) -> str:
    if status == Status.FAILED:
        return "refused"
    return "refunded" if kind == OperationKind.REFUND else "taken"
