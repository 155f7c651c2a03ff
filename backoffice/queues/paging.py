"""Read a queue page by page, each beginning after the last row of the one before: none is read twice, and none is
passed over because others came or went meanwhile.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q

from backoffice.queues.narrowing import Narrowing, narrowed
from backoffice.queues.queue import Queue, Row, Source, in_order

PAGE_ROWS = 50


class NoSuchPlace(Exception):
    """Say that an address names no place in a queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Be the place of a row in a queue: how urgent it is, and its id."""

    urgent_at: datetime
    id: str

    @classmethod
    def read(cls, text: str) -> "Place":
        """Return the place that an address names.

        :raises NoSuchPlace: it names none.
        """
        moment, _, row_id = text.partition("~")
        try:
            urgent_at = datetime.fromisoformat(moment)
            urgent_at.astimezone(UTC)  # at the ends of the calendar there is no such moment elsewhere
        except (ValueError, OverflowError):
            raise NoSuchPlace(text) from None
        if urgent_at.tzinfo is None or not row_id:
            raise NoSuchPlace(text)
        return cls(urgent_at=urgent_at, id=row_id)

    def __str__(self) -> str:
        return f"{self.urgent_at.isoformat()}~{self.id}"

    def after(self, source: Source, now: datetime) -> Q:
        """Match the rows of a source that come after the place.

        :raises NoSuchPlace: its rows have ids of another form.
        """
        try:
            row_id = source.rows(now).model._meta.pk.to_python(self.id)
        except ValidationError:
            raise NoSuchPlace(str(self)) from None
        return Q(urgent_at__gte=self.urgent_at) & (Q(urgent_at__gt=self.urgent_at) | Q(pk__gt=row_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Be some rows of a queue, and the place after which the next ones come; None at the end."""

    rows: tuple[Row, ...]
    next_place: Place | None


def read_page(queue: Queue, *, chosen: Narrowing, after: Place | None, now: datetime, size: int = PAGE_ROWS) -> Page:
    """Return the rows of a queue that come after a place, or the first ones.

    :raises NoSuchPlace: the place is none of this queue.
    """
    found: list[tuple[datetime, Any, int, Any]] = []
    for number, source in enumerate(queue.sources):
        rows = narrowed(queue, source, in_order(source, now), chosen, now)
        if after is not None:
            rows = rows.filter(after.after(source, now))
        found += [(row.urgent_at, row.pk, number, row) for row in rows[: size + 1]]
    found.sort(key=lambda each: each[:2])
    shown, has_more = found[:size], len(found) > size
    rows_by_id: dict[Any, Row] = {}
    for number, source in enumerate(queue.sources):
        instances = [row for _, _, of, row in shown if of == number]
        if instances:
            rows_by_id.update(zip((each.pk for each in instances), source.show(instances, now), strict=True))
    last = Place(urgent_at=shown[-1][0], id=str(shown[-1][1])) if has_more else None
    return Page(rows=tuple(rows_by_id[row_id] for _, row_id, _, _ in shown), next_place=last)
