"""From the names in a file's first line to the fields of its map: by name, in any order, among any others."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from gateways.errors import MisconfiguredAccount
from gateways.exponents import Exponents
from gateways.protocol import Column, ColumnMap
from gateways.registry import gateway_class
from money import EXPONENTS, MoneyError
from reconciliation.errors import UnreadableFile
from reconciliation.models import LineKind, SettlementSource, SourceKind

AMOUNTS = frozenset(
    [
        "gross",
        "gross_signed",
        "gross_debit",
        "gross_credit",
        "customer_amount",
        "net",
        "net_signed",
        "net_debit",
        "net_credit",
        "fee",
        "commission",
        "markup",
        "scheme_fees",
        "interchange",
        "exchange_rate",
    ]
)
FEES = ("fee", "commission", "markup", "scheme_fees", "interchange")
TEXTS = frozenset(
    [
        "merchant_account",
        "batch_number",
        "type",
        "state",
        "gross_currency",
        "net_currency",
        "time_zone",
        "booked_time_zone",
        "gateway_reference",
        "payment_reference",
        "opening_reference",
        "our_reference",
        "our_operation_reference",
        "acquirer_reference",
        "description",
    ]
)
TIMES = frozenset({"occurred_at", "booked_at"})
# A table has no more than 1,600, and no report a tenth of that.
MOST_COLUMNS = 500
DAY_AND_TIME = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?$"


@dataclass(frozen=True, slots=True)
class LocalTime:
    """Say what a time without an offset looks like, and how it is put into the order of ISO 8601."""

    shape: str
    as_iso: str = ""
    is_utc: bool = False


# Where they are not in UTC, a column with the zone's abbreviation says in which, else the source.
LOCAL_TIMES: Mapping[str, LocalTime] = {
    "YYYY-MM-DD HH:MM:SS": LocalTime(DAY_AND_TIME),
    "YYYY-MM-DD HH:MM:SS UTC": LocalTime(DAY_AND_TIME, is_utc=True),
    "YYYY-MM-DD": LocalTime(r"^\d{4}-\d\d-\d\d$"),
    "DD.MM.YYYY": LocalTime(r"^(\d\d)\.(\d\d)\.(\d{4})$", as_iso=r"\3-\2-\1"),
    "DD/MM/YYYY": LocalTime(r"^(\d\d)/(\d\d)/(\d{4})$", as_iso=r"\3-\2-\1"),
    "MM/DD/YYYY": LocalTime(r"^(\d\d)/(\d\d)/(\d{4})$", as_iso=r"\3-\1-\2"),
}
ZONED_TIMES = frozenset({"ISO 8601 with offset", "YYYY-MM-DDTHH:MM:SSZ"})
EITHER_TIMES = frozenset({"ISO 8601"})
# Abbreviations that mean one thing in the reports we know. IST is left out: it is India's, Israel's and Ireland's.
ZONES: Mapping[str, str] = {
    "UTC": "00:00", "GMT": "00:00", "WET": "00:00", "WEST": "01:00", "BST": "01:00", "CET": "01:00", "CEST": "02:00",
    "EET": "02:00", "EEST": "03:00", "AST": "-04:00", "ADT": "-03:00", "EST": "-05:00", "EDT": "-04:00",
    "CST": "-06:00", "CDT": "-05:00", "MST": "-07:00", "MDT": "-06:00", "PST": "-08:00", "PDT": "-07:00",
    "AKST": "-09:00", "AKDT": "-08:00", "HST": "-10:00", "BRT": "-03:00", "SGT": "08:00", "HKT": "08:00",
    "JST": "09:00", "AWST": "08:00", "ACST": "09:30", "ACDT": "10:30", "AEST": "10:00", "AEDT": "11:00",
    "NZST": "12:00", "NZDT": "13:00",
}  # fmt: skip

# As typing raises what a file says: letters of ASCII alone.
_CAPITALS = str.maketrans(ascii_lowercase, ascii_uppercase)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Say where the fields of one file stand: `positions` are columns of the file, from 0; `width` is how many it has.

    `currencies` has, for each name of a currency in the file, ISO 4217's code and decimals and the gateway's own.
    """

    width: int
    positions: Mapping[str, int]
    columns: Mapping[str, Column]
    types: Mapping[str, str]
    currencies: tuple[tuple[str, str, int, int], ...]
    batch_is_payout: bool
    batch_is_whole: bool
    is_bank: bool

    def unit_of(self, field: str) -> str:
        """Return how a field is written."""
        return self.columns[field].unit


def map_of(source: SettlementSource) -> tuple[ColumnMap, Exponents]:
    """Return how a source's files are read, and how its gateway counts currencies.

    :raises UnreadableFile: nobody said how, or in a way we do not understand.
    """
    exponents = Exponents()
    column_map: ColumnMap | None = None
    if source.account is not None:
        try:
            gateway = gateway_class(source.account.gateway)
        except MisconfiguredAccount as problem:
            raise UnreadableFile(str(problem)) from None
        exponents, column_map = gateway.exponents, gateway.settlement_columns
    if source.column_map is not None:
        column_map = own_map(source.column_map)
    if column_map is None:
        raise UnreadableFile(f"{source.slug} has no column map of its own, and its gateway publishes none")
    if not column_map.settles:
        raise UnreadableFile(
            "reports of this gateway tell what was done and settle nothing; import the report of the processor behind "
            "it, with a column map of the source"
        )
    return column_map, exponents


def own_map(written: Any) -> ColumnMap:
    """Read a map that an operator wrote.

    :raises UnreadableFile: says what is wrong with it.
    """
    columns = []
    if not isinstance(written, dict) or not isinstance(written.get("columns"), dict):
        raise UnreadableFile('a column map is an object such as {"columns": {"gross": {"header": "Amount"}}, …}')
    for field, column in written["columns"].items():
        if not isinstance(column, dict) or not isinstance(column.get("header"), str):
            raise UnreadableFile(f"column map: {field} needs a header")
        unit = column.get("unit", "major" if field in AMOUNTS else "")
        columns.append(
            Column(
                header=column["header"],
                field=field,
                unit=unit if isinstance(unit, str) else "",
                is_required=column.get("is_required", True) is not False,
            )
        )
    types, currencies = written.get("types", {}), written.get("currencies", {})
    if not isinstance(types, dict) or not isinstance(currencies, dict):
        raise UnreadableFile("column map: types and currencies are objects of texts")
    if unknown := sorted({str(kind) for kind in types.values()} - set(LineKind.values)):
        raise UnreadableFile(f"column map: there is no kind of line {', '.join(unknown)}")
    if unknown := sorted({str(code) for code in currencies.values()} - EXPONENTS.keys()):
        raise UnreadableFile(f"column map: there is no currency {', '.join(unknown)} in ISO 4217")
    return ColumnMap(
        columns=tuple(columns),
        types=types,
        currencies={name.strip().translate(_CAPITALS): code for name, code in currencies.items()},
        batch_is_payout=written.get("batch_is_payout", False) is True,
        batch_is_whole=written.get("batch_is_whole", False) is True,
    )


def layout_of(header: list[str], source: SettlementSource) -> Layout:
    """Find the fields of a source's map in a file's header.

    :raises UnreadableFile: a column that is needed is not there, or there twice; or the map cannot be understood.
    """
    column_map, exponents = map_of(source)
    if len(header) > MOST_COLUMNS:
        raise UnreadableFile(f"the first line names {len(header):,} columns, and {MOST_COLUMNS} are the most")
    counts = Counter(_folded(name) for name in header)
    names = [_folded(name) for name in header]
    missing = [c.header for c in column_map.columns if c.is_required and not counts[_folded(c.header)]]
    if missing:
        raise UnreadableFile(f"columns are missing: {', '.join(missing)}")
    twice = [c.header for c in column_map.columns if counts[_folded(c.header)] > 1]
    if twice:
        raise UnreadableFile(f"columns are there twice: {', '.join(twice)}")
    found = {c.field: c for c in column_map.columns if counts[_folded(c.header)]}
    layout = Layout(
        width=len(header),
        positions={field: names.index(_folded(column.header)) for field, column in found.items()},
        columns=found,
        types=column_map.types,
        currencies=tuple(_currencies(column_map.currencies, exponents)),
        batch_is_payout=column_map.batch_is_payout,
        batch_is_whole=column_map.batch_is_whole,
        is_bank=source.kind == SourceKind.BANK,
    )
    _check(layout)
    return layout


def _check(layout: Layout) -> None:
    fields = layout.positions
    if not fields.keys() & {"gross", "gross_signed", "gross_credit", "net", "net_signed", "net_credit"}:
        raise UnreadableFile("the column map names no amount")
    if not fields.keys() & {"gross_currency", "net_currency"}:
        raise UnreadableFile("the column map names no currency")
    if not fields.keys() & TIMES:
        raise UnreadableFile("the column map names no time: occurred_at or booked_at")
    if layout.batch_is_whole and (layout.is_bank or "batch_number" not in fields):
        raise UnreadableFile("batch_is_whole is for reports of a gateway that name each line's batch: batch_number")
    for field in fields.keys() & TIMES:
        unit = layout.unit_of(field)
        if unit not in LOCAL_TIMES and unit not in ZONED_TIMES | EITHER_TIMES:
            raise UnreadableFile(f"the column map does not say how {field} is written; {unit!r} is not known")
    for field in fields.keys() & AMOUNTS - {"exchange_rate"}:
        if layout.unit_of(field) not in ("major", "minor"):
            raise UnreadableFile(f"the column map does not say whether {field} is in major or minor units")


def _currencies(own_names: Mapping[str, str], exponents: Exponents) -> Iterable[tuple[str, str, int, int]]:
    names = own_names or {code: code for code in EXPONENTS}
    for name, code in names.items():
        try:
            yield name, code, EXPONENTS[code], exponents.exponent(code)
        except MoneyError:
            continue  # how the gateway counts it is not known: a line in it is a bad line


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
