"""What a work queue is: rows of one kind or another that wait for a person, the most urgent first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, Q, QuerySet, Value
from django.db.models.expressions import Combinable

from payments.models import CaseKind

# What is urgent at no time comes last.
FAR_AWAY = datetime(9999, 1, 1, tzinfo=UTC)
NEVER = Value(FAR_AWAY, output_field=DateTimeField())


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Be something that can be done about a row, by those who have the permission: a link to where it is asked."""

    label: str
    url: str
    permission: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Be one thing to know about a row."""

    name: str
    value: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseWork:
    """Be what people have done about the case of a row, and who has it now."""

    case_id: int
    holder: str
    steps: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Be one row as it is shown: what it is about, how urgent it is, and what can be done.

    `told` is the same for a program, where a queue is told to one.
    """

    name: str
    url: str
    detail: str
    since: datetime
    amount: str = "–"
    guest: str = ""
    departs_at: datetime | None = None
    due_at: datetime | None = None
    is_live: bool | None = None
    partner: str = ""
    account: str = ""
    facts: tuple[Fact, ...] = ()
    buttons: tuple[Button, ...] = ()
    work: CaseWork | None = None
    dismissible_id: int | None = None
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Say where a source's rows have what they are filtered by; empty where they have it not."""

    is_live: str = ""
    partner: str = ""
    account: str = ""


OF_PAYMENT = Paths(is_live="payment__is_live", partner="payment__partner", account="payment__account")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Be rows of one table in a queue: which, what their urgency is (a time: the sooner the more urgent), since when
    they wait, and how a page of them is shown, in a constant number of queries.
    """

    rows: Callable[[datetime], QuerySet[Any]]
    urgency: Combinable
    since: str
    paths: Paths
    show: Callable[[Sequence[Any], datetime], list[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """Be something more that the rows of a queue are narrowed by: the choices there are, as (value, words), and which
    rows a choice names at a time; None names none of the choices.
    """

    name: str
    label: str
    options: Callable[[], tuple[tuple[str, str], ...]]
    rows: Callable[[str, datetime], Q | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Be a work queue; `kinds` are the cases that are worked on here. Rows of several sources have ids of one type.

    One that `is_urgent` costs money, or a guest the trip, within days. `facets` take the place of the age, and `sums`
    is what is told of all rows above the first.
    """

    slug: str
    name: str
    sentence: str
    permission: str
    sources: tuple[Source, ...]
    kinds: frozenset[CaseKind] = frozenset()
    due_label: str = ""
    is_urgent: bool = False
    facets: tuple[Facet, ...] = ()
    sums: Callable[[QuerySet[Any], datetime], Any] | None = None
    template: str = "admin/backoffice/queues/queue.html"


def in_order(source: Source, now: datetime) -> QuerySet[Any]:
    """Return a source's rows with their urgency, the most urgent first; rows of equal urgency have an order, too."""
    return source.rows(now).annotate(urgent_at=source.urgency).order_by("urgent_at", "pk")


def countdown(at: datetime | None, now: datetime) -> str:
    """Say how long it is until a time, or since it, in two units at most."""
    if at is None or at == FAR_AWAY:
        return ""
    words = duration(abs(at - now))
    return f"in {words}" if at >= now else f"{words} ago"


def duration(length: timedelta) -> str:
    """Say how long something is, in two units at most."""
    minutes = int(length.total_seconds()) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h" if days < 10 and hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{minutes} min"
