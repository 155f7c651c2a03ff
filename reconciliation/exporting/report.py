"""What a report is: its columns with their kinds and units, what it can be narrowed by, what its seal adds up."""

from dataclasses import dataclass
from enum import Enum, StrEnum


class Kind(Enum):
    """Say what a column holds, and so how every format writes it."""

    TEXT = "what people wrote"
    REFERENCE = "a text that stays one, whatever it looks like"
    OWN = "a reference that we made: letters, digits, - and _, that nothing reads as anything else"
    WORD = "one of our own fixed words, such as a currency or a state"
    MINOR = "a whole number of minor units"
    MAJOR = "an amount with the decimals of its currency; the SQL gives it in minor units"
    RATE = "a number with every decimal it has"
    COUNT = "a whole number: of things, or that names one of ours"
    DATE = "a day"
    TIME = "a moment, shown in the operator's time zone"
    FLAG = "yes or no"


class Filter(StrEnum):
    """Name what a report may be narrowed by, besides its period and the mode, live or test."""

    ACCOUNT = "account"
    CURRENCY = "currency"
    PARTNER = "partner"


EVERY_FILTER = frozenset(Filter)


@dataclass(frozen=True, slots=True)
class Column:
    """Be one column; `currency` names the column that says in what currency a MAJOR amount is."""

    name: str
    kind: Kind
    currency: str = ""

    def heading(self, zone: str) -> str:
        """Return what stands above the column: a moment names the zone it is shown in."""
        return f"{self.name} ({zone})" if self.kind is Kind.TIME else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Be one report. `sql/exporting/<slug>.sql`, or another `statement` there, is a SELECT of these columns, perhaps of
    more, in any order of rows. `kinds` are those of the operations that a statement of several reports is asked for.

    `order` are the columns by which rows are put in order (texts by COLLATE "C"); the last ones make it unique.
    `period` is the column whose moments, or days, the period of an export speaks of; empty: the report has none.
    One that `keeps_to_closing` tells a closed period as it was closed, whatever was recorded since.
    `totals` are the pairs of an amount and its currency that the seal adds up, never across currencies.
    """

    slug: str
    title: str
    columns: tuple[Column, ...]
    order: tuple[str, ...]
    filters: frozenset[Filter] = frozenset()
    period: str = ""
    totals: tuple[tuple[str, str], ...] = ()
    keeps_to_closing: bool = True
    statement: str = ""
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        named = {column.name for column in self.columns}
        asked = {*self.order, *(name for pair in self.totals for name in pair), *filter(None, [self.period])}
        asked |= {column.currency for column in self.columns if column.kind is Kind.MAJOR}
        if missing := asked - named:
            raise ValueError(f"report {self.slug} has no columns {sorted(missing)}")

    @property
    def filter_names(self) -> tuple[str, ...]:
        """Return all that it may be narrowed by: the days of its period, where it has one, and its filters."""
        return (*(("from", "to") if self.period else ()), *sorted(self.filters))

    @property
    def currencies(self) -> tuple[str, ...]:
        """Return the columns that say in what currencies the totals are."""
        return tuple(dict.fromkeys(currency for _, currency in self.totals))

    def kind_of(self, name: str) -> Kind:
        """Return what a column holds."""
        return next(column.kind for column in self.columns if column.name == name)
