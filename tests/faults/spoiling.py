"""Faults planted by hand into real settlement files, each to be found and named: no less, and nothing else.

What is planted is imported in a transaction that is rolled back, so that the true file can follow.
"""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import transaction

from money import EXPONENTS
from reconciliation.importing.columns import FEES, map_of
from reconciliation.models import Discrepancy, DiscrepancyState, SettlementSource
from reconciliation.services.matching import look_for_missing
from tests.faults.morning import take_in

ONE = Decimal("1.00")
_NAMES = ("payment_reference", "gateway_reference", "our_reference", "our_operation_reference", "acquirer_reference")
_OTHER = {"EUR": "USD", "USD": "EUR", "GBP": "EUR"}


class Sheet:
    """Be a settlement file whose cells are found by the fields of its map."""

    def __init__(self, text: str, source: SettlementSource) -> None:
        self.column_map, _ = map_of(source)
        reader = csv.DictReader(io.StringIO(text))
        self.header = list(reader.fieldnames or [])
        self.rows = list(reader)
        self.headers = {c.field: c.header for c in self.column_map.columns if c.header in self.header}
        self.line = next((row for row in self.rows if self._is_plain(row)), None)

    @property
    def text(self) -> str:
        """Return the file."""
        out = io.StringIO()
        writer = csv.DictWriter(out, self.header)
        writer.writeheader()
        writer.writerows(self.rows)
        return out.getvalue()

    def kind(self, row: Mapping[str, str]) -> str:
        """Return what a row is about."""
        return self.column_map.types.get(row[self.headers["type"]], "")

    def payout_of(self, row: Mapping[str, str]) -> dict[str, str] | None:
        """Return the row that pays out what another is settled in; None where no row does."""
        currency = row[self.currency("net")]
        found = [one for one in self.rows if self.kind(one) == "PAYOUT" and one[self.currency("net")] == currency]
        return found[0] if found else None

    def currency(self, which: str) -> str:
        """Return the header of a currency."""
        return self.headers.get(f"{which}_currency") or self.headers["gross_currency"]

    def amount(self, row: Mapping[str, str], which: str) -> Decimal:
        """Return the gross or net of a row, in major units: positive is owed to us."""
        for name in self._signed(which):
            return Decimal(row[self.headers[name]] or 0)
        credit, debit = (Decimal(row[self.headers[f"{which}_{side}"]] or 0) for side in ("credit", "debit"))
        return credit - debit

    def shift(self, row: dict[str, str], which: str, by: Decimal) -> None:
        """Make the gross or net of a row so much more, in every column that tells it."""
        value = self.amount(row, which) + by
        for name in self._signed(which):
            row[self.headers[name]] = str(value)
        if not self._signed(which):
            row[self.headers[f"{which}_credit"]] = str(value) if value > 0 else ""
            row[self.headers[f"{which}_debit"]] = str(-value) if value < 0 else ""

    def pay_out(self, row: Mapping[str, str], more: Decimal) -> None:
        """Pay out so much more of what a row is settled in, where a row does."""
        payout = self.payout_of(row)
        if payout is not None:
            for which in ("gross", "net"):
                # A payout has no gross in some reports.
                if which == "net" or self.amount(payout, which):
                    self.shift(payout, which, -more)

    def _signed(self, which: str) -> list[str]:
        names = {"gross": ("customer_amount", "gross_signed", "gross"), "net": ("net_signed", "net")}[which]
        return [name for name in names if name in self.headers]

    def _is_plain(self, row: Mapping[str, str]) -> bool:
        """Say whether a row takes money once, in a currency of two decimals that it is settled in."""
        if self.kind(row) != "CAPTURE" or row[self.currency("gross")].upper() != row[self.currency("net")].upper():
            return False
        code = row[self.currency("gross")].upper()
        code = self.column_map.currencies.get(code, code)
        name = self.headers.get("payment_reference") or self.headers["our_operation_reference"]
        of_payment = [one for one in self.rows if one[name] == row[name] and self.kind(one).startswith("CAPTURE")]
        return EXPONENTS.get(code) == 2 and len(of_payment) == 1


Planted = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Fault:
    """Be one thing that can be wrong with a file: the name it is found by, and what has to be there for it."""

    kind: str
    plant: Callable[[Sheet, dict[str, str]], int]
    needs: Callable[[Sheet], bool] = field(default=lambda _: True)
    later: timedelta = timedelta(0)


def _leave_out(sheet: Sheet, row: dict[str, str]) -> int:
    sheet.pay_out(row, -sheet.amount(row, "net"))
    sheet.rows.remove(row)
    return _minor(sheet.amount(row, "gross"))


def _another_amount(sheet: Sheet, row: dict[str, str]) -> int:
    if {"customer_amount", "gross"} <= sheet.headers.keys():
        row[sheet.headers["gross"]] = str(Decimal(row[sheet.headers["gross"]]) + ONE)
    sheet.shift(row, "gross", ONE)
    sheet.shift(row, "net", ONE)
    sheet.pay_out(row, ONE)
    return 100


def _another_currency(sheet: Sheet, row: dict[str, str]) -> int:
    header = sheet.headers["gross_currency"]
    row[header] = _OTHER[row[header].upper()]
    return _minor(sheet.amount(row, "gross"))


def _twice(sheet: Sheet, row: dict[str, str]) -> int:
    sheet.rows.append(dict(row))
    sheet.pay_out(row, sheet.amount(row, "net"))
    return _minor(sheet.amount(row, "gross"))


def _another_fee(sheet: Sheet, row: dict[str, str]) -> int:
    header = next(sheet.headers[name] for name in FEES if row.get(sheet.headers.get(name, "")))
    row[header] = str(Decimal(row[header]) + ONE)
    return 100


def _late(sheet: Sheet, row: dict[str, str]) -> int:
    header = sheet.headers.get("booked_at") or sheet.headers["occurred_at"]
    day = date.fromisoformat(row[header][:10]) + timedelta(days=30)
    row[header] = day.isoformat() + row[header][10:]
    return _minor(sheet.amount(row, "gross"))


def _broken(sheet: Sheet, row: dict[str, str]) -> int:
    sheet.pay_out(row, ONE)
    return 100


def _nobodys(sheet: Sheet, row: dict[str, str]) -> int:
    for name in _NAMES:
        if name in sheet.headers:
            row[sheet.headers[name]] = "NOBODYS"
    return _minor(sheet.amount(row, "gross"))


def _minor(major: Decimal) -> int:
    return int(abs(major) * 100)


def _has_batches(sheet: Sheet) -> bool:
    return "batch_number" in sheet.headers


FAULTS = (
    Fault("MISSING_THERE", _leave_out, later=timedelta(days=30)),
    Fault("AMOUNT", _another_amount),
    Fault("CURRENCY", _another_currency, needs=lambda sheet: "net_currency" in sheet.headers),
    Fault("DUPLICATE", _twice),
    Fault("FEE", _another_fee),
    Fault("LATE", _late, needs=_has_batches),
    Fault("UNBALANCED_BATCH", _broken, needs=lambda sheet: sheet.payout_of(sheet.line or {}) is not None),
    Fault("MISSING_HERE", _nobodys),
)


def plant_faults(
    files: Mapping[SettlementSource, str], folder: Path, *, now: datetime
) -> tuple[dict[str, list[Planted]], dict[str, list[Planted]]]:
    """Plant each fault into the file of another source, in turn; return what was planted, and what was found of it."""
    planted: dict[str, list[Planted]] = {}
    found: dict[str, list[Planted]] = {}
    turns = list(files.items())
    for fault in FAULTS:
        for source, text in turns:
            sheet = Sheet(text, source)
            if sheet.line is not None and fault.needs(sheet):
                name = f"{fault.kind} in {source.slug}"
                planted[name] = [(fault.kind, fault.plant(sheet, sheet.line))]
                found[name] = _found_in(sheet.text, source, folder, fault, now=now)
                turns.append(turns.pop(turns.index((source, text))))
                break
    return planted, found


def _found_in(text: str, source: SettlementSource, folder: Path, fault: Fault, *, now: datetime) -> list[Planted]:
    with transaction.atomic():
        take_in(source, folder, f"{fault.kind}.csv", text.encode(), now=now)
        if fault.later:
            look_for_missing(source=source, now=now + fault.later)
        open_ones = Discrepancy.objects.filter(source=source).exclude(state=DiscrepancyState.CLOSED)
        found: list[Any] = list(open_ones.order_by("kind").values_list("kind", "amount_minor"))
        transaction.set_rollback(True)
    return found
