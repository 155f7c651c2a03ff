"""Search a long list by what is indexed: what a row is called, exactly, whatever the case."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from bookings.numbered import number_from_text


def named(rows: QuerySet[Any], typed: str, *, texts: tuple[str, ...], numbers: tuple[str, ...] = ()) -> QuerySet[Any]:
    """Return the rows that go by what was typed: by one of some texts, of some numbers, or by their id."""
    term = typed.replace("\x00", "").strip()
    if not term:
        return rows
    # References are in capitals; other texts have an index of theirs.
    found = Q(reference=term.upper())
    for text in texts:
        found |= Q(**{f"{text}__iexact": term})
    if number := number_from_text(term):
        for name in numbers:
            found |= Q(**{name: number})
    with suppress(ValueError):
        found |= Q(pk=UUID(term))
    return rows.filter(found)
