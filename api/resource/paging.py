"""A page of a list, in the envelope that clients walk by its links."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _

from api.resource.errors import Problem, Refusal
from api.resource.values import href_of

ROWS_A_PAGE = 20
MOST_ROWS_A_PAGE = 60
LAST_PAGE = 10**6
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Be which part of a list is asked for."""

    number: int
    rows: int


def read_page(query: QueryDict) -> Page:
    """Return what `page` and `max_per_page` ask for.

    :raises Refusal: one of them is no number in its bounds.
    """
    problems: list[Problem] = []

    def number(name: str, default: int, most: int) -> int:
        text = query.get(name, str(default))
        if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most:
            return int(text)
        detail = _("must be a whole number from 1 to %(most)s") % {"most": most}
        problems.append(Problem(field=name, detail=detail, value=text))
        return default

    page = Page(number=number("page", 1, LAST_PAGE), rows=number("max_per_page", ROWS_A_PAGE, MOST_ROWS_A_PAGE))
    if problems:
        raise Refusal(400, _("There is no such page."), problems=tuple(problems))
    return page


def page_fields(
    found: QuerySet[Any, _Row], page: Page, *, path: Sequence[object], row: Callable[[_Row], dict[str, object]]
) -> dict[str, object]:
    """Return one page of what was found; `path` is the list's own address, and links lead to its neighbors."""
    count = found.count()
    first = (page.number - 1) * page.rows
    links = []
    if first + page.rows < count:
        links.append(_link("next", path, page.number + 1, page.rows))
    if page.number > 1:
        links.append(_link("prev", path, page.number - 1, page.rows))
    return {
        "count": count,
        "max_per_page": page.rows,
        "current_page": page.number,
        "results": [row(each) for each in found[first : first + page.rows]],
        "links": links,
    }


def _link(rel: str, path: Sequence[object], number: int, rows: int) -> dict[str, object]:
    size = f"&max_per_page={rows}" if rows != ROWS_A_PAGE else ""
    return {"rel": rel, "href": f"{href_of(*path)}/?page={number}{size}"}
