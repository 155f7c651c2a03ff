"""Ask all lookups at once: one query, however many there are, and as many rows of each as a page shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, QuerySet, TextField, UUIDField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast

from payments.finding.lookups import LOOKUPS, Lookup
from payments.finding.terms import Kind, Sought, Term

_COLUMNS = ("found_by", "found_order", "found_payment", "found_position", "found_text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Be one row that matched: by which lookup, whose order and payment it is, and what of it matched."""

    lookup: Lookup
    order_id: UUID
    payment_id: UUID | None
    position: int
    text: str

    @property
    def cursor(self) -> str:
        """Return where this hit stands among those of its lookup, for the address of the next page."""
        return f"{self.position}.{self.order_id.hex}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Hold what one lookup found, newest first, each order once, and where its page begins and ends."""

    lookup: Lookup
    hits: list[Hit]
    first: str = ""
    last: str = ""
    has_newer: bool = False
    has_older: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Say which page of one lookup's hits is wanted: the one after, or the one before, a hit with this cursor."""

    position: int
    order_id: UUID
    is_backwards: bool

    @classmethod
    def read(cls, text: str, *, is_backwards: bool) -> "Place | None":
        """Return the place that a cursor names; None where it is none."""
        position, _, order = text.partition(".")
        try:
            return cls(position=int(position), order_id=UUID(order), is_backwards=is_backwards)
        except ValueError:
            return None


def find(sought: Sought, *, most: int, lookups: Sequence[Lookup] = LOOKUPS) -> list[Group]:
    """Return what every lookup found, at most so many of each, in one query."""
    branches = [branch[: most + 1] for lookup in lookups for branch in _branches(lookup, sought)]
    if not branches:
        return []
    first, *others = branches
    by_name: dict[str, list[Hit]] = {lookup.name: [] for lookup in lookups}
    named = {lookup.name: lookup for lookup in lookups}
    for row in first.union(*others, all=True) if others else first:
        hit = _hit(row, named)
        by_name[hit.lookup.name].append(hit)
    return [_group(named[name], hits[:most], has_older=len(hits) > most) for name, hits in by_name.items() if hits]


def find_by(sought: Sought, lookup: Lookup, *, most: int, place: Place | None) -> Group:
    """Return one page of what one lookup found; what comes in meanwhile moves no page."""
    branches = list(_branches(lookup, sought))
    if not branches:
        return Group(lookup=lookup, hits=[])
    branch = branches[0]
    is_backwards = place is not None and place.is_backwards
    if place is not None:
        side, beyond = ("gte", "lte") if is_backwards else ("lte", "gte")
        branch = branch.filter(**{f"found_position__{side}": place.position}).exclude(
            found_position=place.position, **{f"found_order__{beyond}": place.order_id}
        )
    if is_backwards:
        branch = branch.order_by("found_position", "found_order")
    hits = [_hit(row, {lookup.name: lookup}) for row in branch[: most + 1]]
    has_more, hits = len(hits) > most, hits[:most]
    if is_backwards:
        hits.reverse()
    return _group(
        lookup,
        hits,
        has_newer=has_more if is_backwards else place is not None,
        has_older=True if is_backwards else has_more,
    )


def _branches(lookup: Lookup, sought: Sought) -> Iterator[QuerySet[Any, Any]]:
    """Give the rows a lookup finds: by the leading term, where the others fit, and by the whole as one reference."""
    leading = _matching(lookup, sought.lead)
    if leading is not None:
        for term in sought.others:
            stands_there = lookup.where(term) if lookup.says_it_all else None
            leading = leading.filter(_fits(term) if stands_there is None else _fits(term) | stands_there)
        # How many rows have a word, nobody can tell beforehand.
        yield _columns(lookup, leading, in_any_order=bool(sought.others) or lookup.kind is Kind.NAME)
    if sought.whole is not None and lookup.is_exact:
        whole = _matching(lookup, sought.whole)
        if whole is not None:
            yield _columns(lookup, whole, in_any_order=True)


def _matching(lookup: Lookup, term: Term) -> QuerySet[Any, Any] | None:
    condition = lookup.where(term)
    if condition is None:
        return None
    rows: QuerySet[Any, Any] = lookup.model._default_manager.annotate(found_order=F(lookup.order), **lookup.needs())
    return rows.filter(condition)


def _fits(term: Term) -> Q:
    """Match rows whose order is found by a term, too, as what it is first of all."""
    found = Q()
    for lookup in LOOKUPS:
        rows = _matching(lookup, term) if lookup.kind is term.kind else None
        if rows is not None:
            found |= Q(Exists(rows.filter(found_order=OuterRef("found_order"))))
    return found


def _columns(lookup: Lookup, rows: QuerySet[Any, Any], *, in_any_order: bool) -> QuerySet[Any, Any]:
    """Return what a hit is made of, newest first.

    PostgreSQL may walk along the numbers until enough rows came by that match, which takes for ever where few do. What
    is `in_any_order` is found first and put in order then.
    """
    position: Combinable = F(lookup.position) if lookup.position else Value(0, output_field=BigIntegerField())
    if in_any_order and lookup.position:
        position = position + Value(0, output_field=BigIntegerField())
    nothing: Combinable = Cast(Value(None), UUIDField())
    hits: QuerySet[Any, Any] = (
        rows.annotate(
            found_by=Value(lookup.name, output_field=TextField()),
            found_payment=F(lookup.payment) if lookup.payment else nothing,
            found_position=position,
            found_text=F(lookup.said) if lookup.said else Value("", output_field=TextField()),
        )
        .order_by("-found_position", "-found_order")
        .values_list(*_COLUMNS)
    )
    return hits


def _hit(row: tuple[Any, ...], lookups: dict[str, Lookup]) -> Hit:
    name, order_id, payment_id, position, text = row
    return Hit(lookup=lookups[name], order_id=order_id, payment_id=payment_id, position=int(position), text=text or "")


def _group(lookup: Lookup, hits: list[Hit], *, has_older: bool, has_newer: bool = False) -> Group:
    ends = (hits[0].cursor, hits[-1].cursor) if hits else ("", "")
    return Group(
        lookup=lookup,
        hits=_each_order_once(hits),
        first=ends[0],
        last=ends[1],
        has_newer=has_newer,
        has_older=has_older,
    )


def _each_order_once(hits: list[Hit]) -> list[Hit]:
    """Keep the newest hit of each order: a sale and its refund are found by the same card."""
    return list({hit.order_id: hit for hit in reversed(hits)}.values())[::-1]
