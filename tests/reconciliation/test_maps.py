"""Each gateway's map, with a report of the form that its stand-in writes: as it is, and as accounts may have it."""

import csv
import io
from collections.abc import Sequence
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from config.local_secrets import standin_of
from gateways.registry import gateway_class
from gateways.sandbox import settling
from gateways.sandbox.settling import Movement, Settlement
from gateways.sandbox.store import Store
from payments.models import Payment, Transaction
from reconciliation.importing.columns import map_of
from reconciliation.models import LineKind, Match, SettlementBatch, SettlementLine
from reconciliation.services.importing import source_for
from tests.reconciliation.till import Till, till_of

pytestmark = pytest.mark.django_db

# A time with a second of its own, within the days that settlement may take; whole, as most reports tell times.
AT = (timezone.now() - timedelta(days=1)).replace(microsecond=0)
# What a gateway calls a capture, a refund and a chargeback, where it has several words.
WORDS = {"viva": {"capture": "5", "refund": "4", "chargeback": "chargeback"}}
# Columns that may be left out, but not while there is a payout: it has its fees off, and its lines are of one day.
NEEDED = {"viva": {"TotalFee", "ClearanceDate"}}
GATEWAYS = ["adyen", "stripe", "viva", "cardgate", "spreedly"]


class Desk:
    """Be a processor that settles what the books of a till say, and write its reports."""

    def __init__(self, till: Till) -> None:
        self.till = till
        self.gateway = till.account.gateway
        self.module = import_module(f"gateways.sandbox.{self.gateway}.settlement")
        self.store = Store()
        self.moved: list[Movement] = []

    def moves(self, kind: str, minor: int, name: str, *, payment: str, currency: str = "EUR", ours: str = "") -> None:
        """Do something, of which the books were told."""
        self.moved.append(
            Movement(
                key=name,
                kind=kind,
                payment=payment,
                operation="" if self.gateway == "cardgate" and kind == settling.CHARGEBACK else name,
                operation_reference=ours,
                currency=currency,
                minor=minor,
                at=AT.timestamp(),
                method="visa",
                word=WORDS.get(self.gateway, {}).get(kind, ""),
            )
        )

    def settles(self, **wish: Any) -> dict[str, Any]:
        """Close a batch and return it with its report."""
        settlement = Settlement(
            slug=self.gateway,
            account_names=lambda: ["SpreeKanalEU"],
            movements=lambda *_: self.moved,
            label=self.module.label,
            report=self.module.report,
        )
        (batch,) = settling.settle(self.store, settlement, wish, origin="")
        return batch


@pytest.fixture(params=GATEWAYS)
def desk(request, payment: Payment) -> Desk:
    till = till_of(payment, gateway=request.param, currencies=["EUR", "GBP"])
    source = source_for(till.account.slug, now=timezone.now())
    source.column_map = getattr(standin_of(settings.GATEWAYS[request.param]), "SETTLEMENT_MAP", None)
    source.save()
    return Desk(till)


def sold_and_returned(desk: Desk, prefix: str, *, has_dispute: bool = True) -> None:
    """Take money twice, give a part back, and have a bank take another."""
    acts = [("capture", 10_000, "A", "A"), ("capture", 4_750, "B", "B"), ("refund", 3_000, "R", "A")]
    if has_dispute:
        acts.append(("chargeback", 4_750, "D", "B"))
    for kind, minor, name, of in acts:
        operation = booked(desk, kind, minor, f"{prefix}{name}")
        desk.moves(kind, minor, f"{prefix}{name}", payment=f"{prefix}{of}", ours=operation.reference)


def booked(desk: Desk, kind: str, minor: int, name: str, *, currency: str = "EUR") -> Transaction:
    kinds = {"capture": "SALE", "refund": "REFUND", "chargeback": "CHARGEBACK"}
    sign = 1 if kind == "capture" else -1
    # A chargeback that has no name at the gateway has none in our books.
    reference = None if desk.gateway == "cardgate" and kind == "chargeback" else name
    return desk.till.books(sign * minor, reference, kind=kinds[kind], currency=currency, at=AT)  # type: ignore[arg-type]


def read(desk: Desk, folder: Path, content: bytes, name: str) -> None:
    desk.till.save()
    path = folder / name
    path.write_bytes(content)
    assert desk.till.imports(path).report.state == "MATCHED"


def otherwise(text: str, *, without: Sequence[str]) -> str:
    """Return a report with its columns in another order, some left out and one that nobody knows, and semicolons."""
    rows = list(csv.DictReader(io.StringIO(text)))
    header = [name for name in reversed(rows[0]) if name not in without]
    header.insert(3, "Something New")
    out = io.StringIO()
    writer = csv.DictWriter(out, header, delimiter=";", extrasaction="ignore", restval="ä")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def test_a_report_as_it_comes_leaves_nothing_open_and_clears_the_account(desk, tmp_path):
    sold_and_returned(desk, "1")
    column_map, _ = map_of(source_for(desk.till.account.slug, now=timezone.now()))
    fields = {column.field for column in column_map.columns}
    has_exchange = "net_currency" in fields
    booked_abroad = booked(desk, "capture", 2_000, "1U", currency="GBP")
    desk.moves("capture", 2_000, "1U", payment="1U", currency="GBP", ours=booked_abroad.reference)
    has_reserve = LineKind.RESERVE in column_map.types.values()
    batch = desk.settles(into={"GBP": "EUR"} if has_exchange else {}, reserve_percent=5 if has_reserve else 0)

    read(desk, tmp_path, batch["content"].encode(), batch["fileName"])

    lines = SettlementLine.objects.filter(batch__source__account=desk.till.account)
    of_payments = lines.filter(kind__in=["CAPTURE", "REFUND", "CHARGEBACK"])
    told = sorted((line.kind, line.gross_minor, line.gross_currency) for line in of_payments)
    assert told == [
        ("CAPTURE", 2_000, "GBP"),
        ("CAPTURE", 4_750, "EUR"),
        ("CAPTURE", 10_000, "EUR"),
        ("CHARGEBACK", -4_750, "EUR"),
        ("REFUND", -3_000, "EUR"),
    ]
    assert {line.occurred_at for line in of_payments} == {AT}
    assert desk.till.found() == {}
    assert Match.objects.filter(line__in=lines).count() == lines.count()
    held = desk.till.balances()
    for currency, minor in batch["payouts"].items():
        assert held.get(f"BANK {currency}") == minor
    assert [key for key in held if key.startswith("CLEARING")] == []
    assert set(SettlementBatch.objects.values_list("state", flat=True)) == {"BALANCED"}


def test_a_report_in_another_order_encoding_and_dialect_is_read_the_same(desk, tmp_path):
    source = source_for(desk.till.account.slug, now=timezone.now())
    column_map, _ = map_of(source)
    needed = NEEDED.get(desk.gateway, set())
    optional = [c.header for c in column_map.columns if not c.is_required and c.header not in needed]
    source.delimiter = ";"
    source.save()
    sold_and_returned(desk, "1", has_dispute=False)
    first = desk.settles()
    read(desk, tmp_path, otherwise(first["content"], without=optional).encode("utf-16"), "first.csv")
    # What our own references alone would name is named by the gateway too, or not at all.
    without = [] if desk.gateway == "spreedly" else optional
    sold_and_returned(desk, "2", has_dispute=False)
    source.encoding = "cp1252"
    source.save()
    second = desk.settles()
    read(desk, tmp_path, otherwise(second["content"], without=without).encode("cp1252"), "second.csv")

    assert desk.till.found() == {}
    assert [key for key in desk.till.balances() if key.startswith("CLEARING")] == []
    lines = SettlementLine.objects.filter(batch__source__account=desk.till.account)
    assert Match.objects.filter(line__in=lines).count() == lines.count() >= 8


def test_every_gateway_that_settles_is_here(settings):
    with_maps = {slug for slug in settings.GATEWAYS if gateway_class(slug).settlement_columns is not None}

    assert with_maps == set(GATEWAYS)
