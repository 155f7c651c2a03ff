"""What apps above this one add to its pages: they register here, and nothing here imports them.

A contributor is called once for each page, costs a constant number of queries, and shows only what its reader may see.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.http import HttpRequest

from payments.admin.moments import Moment
from payments.models import Payment


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Be a table of its own on a row's page.

    Cells are texts, or links made by `columns.link_to`. `empty` is what is said where there are no rows, `url` leads to
    the full list.
    """

    anchor: str
    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str
    url: str = ""


Sections = Callable[[Any, HttpRequest], Iterable[Section]]
Moments = Callable[[Payment], Iterable[Moment]]
_sections: dict[type[Model], list[Sections]] = defaultdict(list)
_moments: list[Moments] = []


def add_sections(model: type[Model], contributor: Sections) -> None:
    """Show what the contributor returns on the page of every row of a model; once, however often it is added."""
    if contributor not in _sections[model]:
        _sections[model].append(contributor)


def add_moments(contributor: Moments) -> None:
    """Show what the contributor returns in the timeline of every payment; once, however often it is added."""
    if contributor not in _moments:
        _moments.append(contributor)


def sections_of(row: Model, request: HttpRequest) -> list[Section]:
    """Return what other apps add to a row's page."""
    return [section for contributor in _sections[type(row)] for section in contributor(row, request)]


def moments_of(payment: Payment) -> list[Moment]:
    """Return what other apps add to a payment's timeline."""
    return [moment for contributor in _moments for moment in contributor(payment)]
