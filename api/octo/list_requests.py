"""Read what OCTO's lists ask: filters by their words, both ends of a range, and which page."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.utils.translation import gettext as _

from api.fields import Fields
from bookings.free_text import CONTACT_LENGTHS
from bookings.models import BookingStatus

MOST_A_PAGE = 500
A_PAGE = 100
_Filters = TypeVar("_Filters")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest(Generic[_Filters]):
    """Ask for what passes the filters; without a page there is no paging."""

    filters: _Filters
    page: int | None
    per_page: int


def read_list(fields: Fields, filters: _Filters) -> ListRequest[_Filters]:
    """Return the filters with the page that is asked for."""
    return ListRequest(
        filters=filters,
        page=_number(fields, "page", 1_000_000),
        per_page=_number(fields, "perPage", MOST_A_PAGE) or A_PAGE,
    )


def check_pairs(fields: Fields, *names: str) -> None:
    """Refuse a range of which only one end was sent."""
    for name in names:
        first, last = f"{name}Start", f"{name}End"
        for given, missing in ((first, last), (last, first)):
            if fields.has(given) and not fields.has(missing):
                raise fields.refuse(missing, _("is required with %(field)s") % {"field": given})


def read_statuses(fields: Fields) -> tuple[str, ...]:
    """Return the statuses a list is narrowed to."""
    statuses = fields.texts("statuses", most=20, longest=32) or []
    one = fields.text("status", longest=32)
    wanted = [*statuses, *([one] if one else [])]
    choices = ", ".join(BookingStatus.values)
    if not set(wanted) <= set(BookingStatus.values):
        raise fields.refuse("status", _("must be one of %(choices)s") % {"choices": choices})
    return tuple(wanted)


def read_last_name(fields: Fields) -> str | None:
    """Return the last name that is looked for."""
    name = fields.text("contactLastName", longest=CONTACT_LENGTHS["last_name"])
    if name is not None and len(name.strip()) < 3:
        raise fields.refuse("contactLastName", _("must have at least %(count)s characters") % {"count": 3})
    return name


def _number(fields: Fields, name: str, most: int) -> int | None:
    """Return a whole number of a query string."""
    text = fields.text(name, longest=10)
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= most:
        raise fields.refuse(name, _("must be from %(least)s to %(most)s") % {"least": 1, "most": most})
    return int(text)
