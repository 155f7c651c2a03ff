"""Search a long list by what is indexed: what a row is called, exactly, whatever the case."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from bookings.models import Partner
from bookings.numbered import number_from_text


def named(
    rows: QuerySet[Any],
    typed: str,
    *,
    texts: tuple[str, ...] = (),
    codes: tuple[str, ...] = (),
    numbers: tuple[str, ...] = (),
) -> QuerySet[Any]:
    """Return the rows that go by what was typed: by one of some texts, codes or numbers, or by an id: theirs or, of a
    booking or an order, the partner's.
    """
    term = typed.replace("\x00", "").strip()
    if not term:
        return rows
    # References are in capitals; other texts have an index of theirs.
    found = Q(reference=term.upper())
    for code in codes:
        found |= Q(**{code: term.upper()})
    for text in texts:
        found |= Q(**{f"{text}__iexact": term})
    if number := number_from_text(term):
        for name in numbers:
            found |= Q(**{name: number})
    with suppress(ValueError):
        # The index of partners' uuids begins with partner and mode.
        partners = list(Partner.objects.values_list("pk", flat=True))
        found |= Q(pk=UUID(term)) | Q(partner__in=partners, is_live__in=[True, False], uuid=UUID(term))
    return rows.filter(found)
