"""What was taken, settled and is outstanding, from the running sums of the ledger; and what is open by age."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Q, Sum

from backoffice.takings import CHART_OPTIONS, SHADES, legend_of
from gateways.models import Environment, GatewayAccount
from money import Money
from payments.models import LedgerAccount
from reconciliation.aging import BUCKETS, bucket_of, day_of
from reconciliation.models import BooksDay, BooksProgress, DiscrepancyKind, DriftReading
from reconciliation.selectors import latest_drift_readings, open_discrepancies

DAYS = 30
_MONEY = (LedgerAccount.CLEARING, LedgerAccount.EXTERNAL)
# Where money goes from the gateway without a guest having a part in it.
_OWN = {
    LedgerAccount.BANK: "settled",
    LedgerAccount.FEES: "fees",
    LedgerAccount.RESERVE: "reserved",
    LedgerAccount.CONVERSION: "converted",
    LedgerAccount.WRITE_OFF: "written_off",
}
# What a chart has a bar for, in which every account has its shade; as on the home page.
_SHADES = {
    "taken": SHADES["taken"],
    "given back": SHADES["refunded"],
    "settled": ("#2563eb", "#93c5fd", "#1d4ed8", "#60a5fa", "#3b82f6", "#bfdbfe"),
}
# Of kinds of discrepancies: told apart by people who see colors otherwise, too; the figures are beside them.
_COLORS = ("#1d4ed8", "#f59e0b", "#0f766e", "#be185d", "#7c3aed", "#65a30d", "#0891b2", "#b45309", "#475569")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """Be what one account did in one currency: in the last 30 days, and what is outstanding in all, with its drift.

    Amounts are texts in major units; `unexplained` is "" where nothing was read yet.
    """

    account: GatewayAccount
    currency: str
    taken: str
    given_back: str
    settled: str
    fees: str
    outstanding: str
    unexplained: str
    is_unexplained: bool
    read_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Be what the page of the books shows of one environment; `as_of` is when the sums were true."""

    rows: tuple[AccountRow, ...]
    charts: tuple[dict[str, Any], ...]
    as_of: datetime | None


def books_of(*, environment: Environment, now: datetime) -> Books:
    """Return the books of an environment, in a constant number of queries over the sums alone."""
    today = day_of(now)
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    lately: dict[tuple[int, str, date, str], int] = defaultdict(int)
    held: dict[tuple[int, str], int] = defaultdict(int)
    accounts = GatewayAccount.objects.filter(environment=environment).in_bulk()
    balances = BooksDay.objects.filter(account__in=accounts).values_list(
        "account_id", "currency", "from_account", "to_account"
    )
    for account_id, currency, from_account, to_account, minor in balances.annotate(minor=Sum("amount_minor")):
        held[account_id, currency] += int(minor) * ((to_account in _MONEY) - (from_account in _MONEY))
    for row in BooksDay.objects.filter(account__in=accounts, day__range=(days[0], days[-1])):
        for what, minor in _moved(row):
            lately[row.account_id, row.currency, row.day, what] += minor
    drifts = {
        (reading.source.account_id, reading.currency): reading
        for reading in latest_drift_readings().filter(source__account__in=accounts)
    }
    rows = tuple(
        _row(accounts[account_id], currency, lately, days, held[account_id, currency], drifts)
        for account_id, currency in sorted(held, key=lambda key: (accounts[key[0]].slug, key[1]))
    )
    progress = BooksProgress.objects.first()
    return Books(
        rows=rows,
        charts=tuple(_charts(accounts, lately, days)),
        as_of=progress.as_of if progress is not None else None,
    )


def _moved(row: BooksDay) -> Iterable[tuple[str, int]]:
    """Say what a sum is, and how much of it."""
    if row.to_account in _MONEY and row.from_account in _MONEY:
        return
    is_in = row.to_account in _MONEY
    other = LedgerAccount(row.from_account if is_in else row.to_account)
    if other in _OWN:
        yield _OWN[other], -row.amount_minor if is_in else row.amount_minor
    else:
        yield "taken" if is_in else "given back", row.amount_minor


def _row(
    account: GatewayAccount,
    currency: str,
    lately: dict[tuple[int, str, date, str], int],
    days: list[date],
    held_minor: int,
    drifts: dict[tuple[int | None, str], DriftReading],
) -> AccountRow:
    def amount(what: str) -> str:
        return str(Money(sum(lately.get((account.pk, currency, day, what), 0) for day in days), currency))

    drift = drifts.get((account.pk, currency))
    return AccountRow(
        account=account,
        currency=currency,
        taken=amount("taken"),
        given_back=amount("given back"),
        settled=amount("settled"),
        fees=amount("fees"),
        outstanding=str(Money(held_minor, currency)),
        unexplained=str(Money(drift.unexplained_minor, currency)) if drift is not None else "",
        is_unexplained=drift is not None and drift.unexplained_minor != 0,
        read_at=drift.read_at if drift is not None else None,
    )


def _charts(
    accounts: dict[int, GatewayAccount], lately: dict[tuple[int, str, date, str], int], days: list[date]
) -> Iterable[dict[str, Any]]:
    """Return a chart for each currency, as Chart.js takes it; amounts are exact decimals, in major units."""
    for currency in sorted({key[1] for key in lately}):
        datasets = []
        for what, shades in _SHADES.items():
            found = sorted({key[0] for key in lately if key[1] == currency and key[3] == what})
            for position, account_id in enumerate(sorted(found, key=lambda each: accounts[each].slug)):
                figures = [lately.get((account_id, currency, day, what), 0) for day in days]
                datasets.append(
                    {
                        "label": f"{what}, {accounts[account_id].slug}",
                        "stack": what,
                        "backgroundColor": shades[position % len(shades)],
                        "data": [Money(minor, currency).format() for minor in figures],
                    }
                )
        yield {
            "currency": currency,
            "data": json.dumps({"labels": [f"{day:%d %b}" for day in days], "datasets": datasets}),
            "legend": legend_of(datasets),
            "options": json.dumps(CHART_OPTIONS),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeRow:
    """Be the open discrepancies of one kind: how many of each age, and what they come to in each currency."""

    kind: str
    counts: tuple[int, ...]
    amounts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """Be the open discrepancies by kind and age, with a chart of how many."""

    headers: tuple[str, ...]
    rows: tuple[AgeRow, ...]
    chart: dict[str, Any]


def open_by_age(*, environment: Environment, now: datetime) -> Ages:
    """Return what is open at the accounts of an environment, and at banks, by kind and age, in one query."""
    today = day_of(now)
    counts: dict[str, list[int]] = defaultdict(lambda: [0] * len(BUCKETS))
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    found = (
        open_discrepancies()
        .filter(Q(source__account__isnull=True) | Q(source__account__environment=environment))
        .select_related(None)
        .order_by()
        .values("kind", "currency", "opened_on")
        .annotate(count=Count("pk"), minor=Sum("amount_minor"))
    )
    for each in found:
        counts[each["kind"]][BUCKETS.index(bucket_of(each["opened_on"], today))] += each["count"]
        sums[each["kind"]][each["currency"]] += int(each["minor"])
    kinds = sorted(counts)
    labels = {kind: str(DiscrepancyKind(kind).label) for kind in kinds}
    datasets = [
        {
            "label": labels[kind],
            "stack": "open",
            "backgroundColor": _COLORS[position % len(_COLORS)],
            "data": counts[kind],
        }
        for position, kind in enumerate(kinds)
    ]
    headers = tuple(bucket.words for bucket in BUCKETS)
    return Ages(
        headers=headers,
        rows=tuple(
            AgeRow(
                kind=labels[kind],
                counts=tuple(counts[kind]),
                amounts=tuple(str(Money(minor, currency)) for currency, minor in sorted(sums[kind].items())),
            )
            for kind in kinds
        ),
        chart={
            "data": json.dumps({"labels": list(headers), "datasets": datasets}),
            "legend": legend_of(datasets),
            "options": json.dumps(CHART_OPTIONS),
        },
    )
