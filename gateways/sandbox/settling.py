"""Settlement: what a processor moved since it last settled becomes a batch, with fees, exchange, a reserve and payouts.

All amounts are minor units by ISO 4217, signed: what the merchant is owed is positive.
"""

import csv
import io
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from gateways.sandbox.store import Document, Store

BATCHES, SETTLED, BANKED = "settlement.batches", "settlement.settled", "settlement.banked"
# What a line is about; the first group belongs to a payment.
CAPTURE, CAPTURE_REVERSED, REFUND, REFUND_REVERSED = "capture", "capture_reversed", "refund", "refund_reversed"
CHARGEBACK, CHARGEBACK_REVERSED = "chargeback", "chargeback_reversed"
FEE, RESERVE, PAYOUT = "fee", "reserve", "payout"
_OWED = frozenset({CAPTURE, REFUND_REVERSED, CHARGEBACK_REVERSED})
_NO_DECIMALS = frozenset({"BIF", "CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF"})
_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
# What everything costs: a part of what is taken and so much besides, in hundredths of the unit (yen are whole).
_RATE, _FIXED, _REFUND_COSTS, _CHARGEBACK_COSTS, _BATCH_COSTS = Decimal("0.0139"), 25, 10, 2000, 300
# So many units of the second for one of the first. Chosen; a wish may bring its own.
_RATES = {
    ("USD", "EUR"): Decimal("0.917431192660550"),
    ("GBP", "EUR"): Decimal("1.168224299065421"),
    ("JPY", "EUR"): Decimal("0.006211180124224"),
    ("EUR", "USD"): Decimal("1.09"),
    ("GBP", "USD"): Decimal("1.273364485981308"),
}


class CannotSettle(Exception):
    """Say why nothing is settled, in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Be one thing a processor did to money. `key` names it for good: nothing is settled twice.

    `minor` is never negative. `operation_reference` is the merchant's of the operation, `reference` that of the
    payment. `word` is the processor's own for the kind, where it has several.
    """

    key: str
    kind: str
    payment: str
    operation: str
    currency: str
    minor: int
    at: float
    reference: str = ""
    operation_reference: str = ""
    method: str = ""
    word: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Be one line of a batch; `fee` is exact, in minor units of what is settled in, and `net` rounded."""

    kind: str
    currency: str
    gross: int
    settled_in: str
    net: int
    fee: str = "0"
    rate: str = "1"
    at: float
    payment: str = ""
    operation: str = ""
    reference: str = ""
    operation_reference: str = ""
    method: str = ""
    word: str = ""

    @property
    def converted(self) -> int:
        """Return the gross in the currency that is settled in."""
        return self.net + self.rounded_fee

    @property
    def rounded_fee(self) -> int:
        """Return the fee in whole minor units."""
        return int(Decimal(self.fee).quantize(Decimal(1), ROUND_HALF_EVEN))


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Be what was settled at once; `payouts` is what goes to the bank, by currency."""

    number: int
    gateway: str
    account: str
    closed_at: float
    lines: tuple[Line, ...]
    payouts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Be a batch as its processor tells of it."""

    file_name: str
    content: str


def _tell_nobody(batch: Batch, report: Report, origin: str) -> list[str]:  # noqa: ARG001, asked of each
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Be the way one processor settles.

    `movements` returns all that was ever moved for an account, told whether a movement is in a batch by now; `label`
    what the bank writes beside a payout, which names the batch; `announce` tells the merchant of a report, where the
    processor does, and returns the names under which it can be fetched.
    """

    slug: str
    account_names: Callable[[], list[str]]
    movements: Callable[[str, Callable[[str], bool]], Iterable[Movement]]
    label: Callable[[Batch], str]
    report: Callable[[Batch], Report]
    announce: Callable[[Batch, Report, str], list[str]] = _tell_nobody


def decimals(currency: str) -> int:
    """Return the decimals of a currency by ISO 4217."""
    return 0 if currency in _NO_DECIMALS else 3 if currency in _THREE_DECIMALS else 2


def major(minor: int | Decimal, currency: str) -> str:
    """Return an amount in major units, with all of the currency's decimals at least."""
    exact = Decimal(minor).scaleb(-decimals(currency))
    whole = exact.quantize(Decimal(1).scaleb(-decimals(currency)))
    return format(whole if whole == exact else exact.normalize(), "f")


def batch_in(document: Document) -> Batch:
    """Return the batch that a kept document tells of."""
    return Batch(
        number=document["number"],
        gateway=document["gateway"],
        account=document["account"],
        closed_at=document["closedAt"],
        lines=tuple(Line(**line) for line in document["lines"]),
        payouts=document["payouts"],
    )


def table(header: Iterable[str], rows: Iterable[Mapping[str, str]], *, delimiter: str = ",") -> str:
    """Return rows as a CSV file; what a row lacks is an empty cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(header), delimiter=delimiter, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def settle(store: Store, desk: Settlement, wish: Mapping[str, Any], *, origin: str) -> list[Document]:
    """Close a batch for each account that has something to settle, and return what is known of them.

    `account` names one. `into` maps currencies to those they are settled in, others stay as they are; `rates` has rates
    by `USD/EUR`. `reserve_percent` of what was taken is held back until the next batch.

    :raises CannotSettle: something that is wished for makes no sense.
    """
    names = desk.account_names()
    if unknown := set(wish) - {"account", "into", "rates", "reserve_percent"}:
        raise CannotSettle(f"unknown field {sorted(unknown)[0]!r}")
    if wish.get("account", *names[:1]) not in names:
        raise CannotSettle("there is no such account")
    wanted = [wish["account"]] if "account" in wish else names
    documents = [_close(store, desk, account, wish, origin) for account in wanted]
    return [document for document in documents if document is not None]


def _close(store: Store, desk: Settlement, account: str, wish: Mapping[str, Any], origin: str) -> Document | None:
    name = f"{desk.slug}/{account}"
    settled: dict[str, None] = dict.fromkeys((store.get(SETTLED, name) or {"keys": []})["keys"])
    moved = [one for one in desk.movements(account, settled.__contains__) if one.key not in settled]
    held = _held_before(store, desk.slug, account)
    if not moved and not any(held.values()):
        return None
    now = time.time()
    lines = [_line(one, wish) for one in moved]
    lines += _batch_lines(lines, held, Decimal(str(wish.get("reserve_percent", 0))), now)
    batch = Batch(
        number=len(store.all(BATCHES)) + 1,
        gateway=desk.slug,
        account=account,
        closed_at=now,
        lines=tuple(lines),
        payouts={line.settled_in: -line.net for line in lines if line.kind == PAYOUT},
    )
    report = desk.report(batch)
    store.put(SETTLED, name, {"keys": [*settled, *(one.key for one in moved)]})
    document: Document = {
        "number": batch.number,
        "gateway": batch.gateway,
        "account": account,
        "closedAt": now,
        "lines": [asdict(line) for line in lines],
        "payouts": dict(batch.payouts),
        "bankText": desk.label(batch),
        "fileName": report.file_name,
        "content": report.content,
    }
    store.put(BATCHES, str(batch.number), document)
    document["announced"] = desk.announce(batch, report, origin)
    return document


def _line(moved: Movement, wish: Mapping[str, Any]) -> Line:
    into = str((wish.get("into") or {}).get(moved.currency, moved.currency))
    rate = _rate(moved.currency, into, wish)
    sign = 1 if moved.kind in _OWED else -1
    converted = sign * _rounded(moved.minor * rate * Decimal(10) ** (decimals(into) - decimals(moved.currency)))
    fee = {
        CAPTURE: abs(converted) * _RATE + _FIXED,
        REFUND: Decimal(_REFUND_COSTS),
        CHARGEBACK: Decimal(_CHARGEBACK_COSTS),
    }.get(moved.kind, Decimal(0))
    line = Line(
        kind=moved.kind,
        currency=moved.currency,
        gross=sign * moved.minor,
        settled_in=into,
        net=0,
        fee=format(fee.normalize(), "f"),
        rate=format(rate, "f"),
        at=moved.at,
        payment=moved.payment,
        operation=moved.operation,
        reference=moved.reference,
        operation_reference=moved.operation_reference,
        method=moved.method,
        word=moved.word,
    )
    return replace(line, net=converted - line.rounded_fee)


def _batch_lines(lines: list[Line], held: Mapping[str, int], percent: Decimal, now: float) -> list[Line]:
    """Return what belongs to no payment: the batch's fee, what is held back and what was, and last the payouts."""
    taken: dict[str, int] = defaultdict(int)
    net: dict[str, int] = defaultdict(int)
    for line in lines:
        net[line.settled_in] += line.net
        taken[line.settled_in] += line.converted if line.kind == CAPTURE else 0
    besides: list[Line] = []
    for currency in sorted(net.keys() | held.keys()):
        amounts = [(RESERVE, held.get(currency, 0)), (RESERVE, -_rounded(taken[currency] * percent / 100))]
        for kind, minor in [(FEE, -_BATCH_COSTS if currency in net else 0), *amounts]:
            if minor:
                besides.append(Line(kind=kind, currency=currency, gross=minor, settled_in=currency, net=minor, at=now))
                net[currency] += minor
    payouts = [
        Line(kind=PAYOUT, currency=currency, gross=-minor, settled_in=currency, net=-minor, at=now)
        for currency, minor in sorted(net.items())
        if minor
    ]
    return besides + payouts


def _held_before(store: Store, gateway: str, account: str) -> dict[str, int]:
    """Return what earlier batches hold back and did not give free."""
    held: dict[str, int] = defaultdict(int)
    for document in store.all(BATCHES).values():
        if (document["gateway"], document["account"]) == (gateway, account):
            for line in document["lines"]:
                if line["kind"] == RESERVE:
                    held[line["settled_in"]] -= line["net"]
    return {currency: minor for currency, minor in held.items() if minor}


def _rate(currency: str, into: str, wish: Mapping[str, Any]) -> Decimal:
    if currency == into:
        return Decimal(1)
    wished = (wish.get("rates") or {}).get(f"{currency}/{into}")
    rate = Decimal(str(wished)) if wished is not None else _RATES.get((currency, into))
    if rate is None:
        raise CannotSettle(f"there is no rate from {currency} to {into}")
    return rate


def _rounded(exact: Decimal) -> int:
    return int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))
