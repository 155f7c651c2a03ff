"""Narrow a queue to a mode, a partner, an account or an age, or by what is its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from backoffice.queues.queue import Queue, Source
from bookings.models import Partner
from gateways.models import GatewayAccount
from payments.admin.columns import real_money

# Real money, and whatever else: a test key, or a live one on a processor's test system.
MODES = ("live", "test")
AGES = {
    "hour": ("an hour", timedelta(hours=1)),
    "day": ("a day", timedelta(days=1)),
    "week": ("a week", timedelta(days=7)),
    "month": ("30 days", timedelta(days=30)),
}


_COMMON = ("mode", "partner", "account", "age")


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """Be what a person chose to see of a queue; empty: all. Partner and account go by their slugs.

    `own` is what was chosen of the queue's facets, by their names.
    """

    mode: str = ""
    partner: str = ""
    account: str = ""
    age: str = ""
    own: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, query: Mapping[str, str], queue: Queue) -> "Narrowing":
        """Return what an address chooses of a queue; what its page does not offer, or there is not, chooses nothing."""
        offered = _offered(queue)
        chosen = {name: query.get(name, "") if name in offered else "" for name in _COMMON}
        return cls(
            own=tuple(
                (each.name, query[each.name])
                for each in queue.facets
                if query.get(each.name) and query[each.name] in dict(each.options())
            ),
            mode=chosen["mode"] if chosen["mode"] in MODES else "",
            partner=chosen["partner"],
            account=chosen["account"],
            age=chosen["age"] if chosen["age"] in AGES else "",
        )

    def parameters(self) -> dict[str, str]:
        """Return what is chosen, for an address."""
        return {name: value for name in _COMMON if (value := getattr(self, name))} | dict(self.own)


def narrowed(queue: Queue, source: Source, rows: QuerySet[Any], chosen: Narrowing, now: datetime) -> QuerySet[Any]:
    """Return the rows of a source that were chosen; rows that do not say are none that have it."""
    paths = source.paths
    if chosen.mode and not paths.is_live:
        rows = rows.none()
    elif chosen.mode:
        is_real = real_money(is_live=paths.is_live, account=paths.account)
        rows = rows.filter(is_real if chosen.mode == "live" else ~is_real)
    for path, value in (
        (paths.partner and f"{paths.partner}__slug", chosen.partner or None),
        (paths.account and f"{paths.account}__slug", chosen.account or None),
    ):
        if value is not None:
            rows = rows.filter(**{path: value}) if path else rows.none()
    if chosen.age:
        rows = rows.filter(**{f"{source.since}__lte": now - AGES[chosen.age][1]})
    values = dict(chosen.own)
    for facet in queue.facets:
        if facet.name in values:
            named = facet.rows(values[facet.name], now)
            rows = rows.filter(named) if named is not None else rows
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Be one list to choose from, as (value, words)."""

    name: str
    label: str
    chosen: str
    options: tuple[tuple[str, str], ...]


def _offered(queue: Queue) -> set[str]:
    """Return by which of what many queues have this one can be narrowed."""
    paths = [source.paths for source in queue.sources]
    there_is = {
        "mode": any(each.is_live for each in paths),
        "partner": any(each.partner for each in paths),
        "account": any(each.account for each in paths),
        "age": not queue.facets,
    }
    return {name for name, is_there in there_is.items() if is_there}


def choices(queue: Queue, chosen: Narrowing) -> list[Choice]:
    """Return what the rows of a queue can be narrowed by."""
    offered, common = [], _offered(queue)
    if "mode" in common:
        offered.append(
            Choice(name="mode", label="Mode", chosen=chosen.mode, options=(("live", "real money"), ("test", "test")))
        )
    if "partner" in common:
        partners = tuple(Partner.objects.order_by("name").values_list("slug", "name"))
        offered.append(Choice(name="partner", label="Partner", chosen=chosen.partner, options=partners))
    if "account" in common:
        slugs = GatewayAccount.objects.order_by("slug").values_list("slug", flat=True)
        accounts = tuple((slug, slug) for slug in slugs)
        offered.append(Choice(name="account", label="Account", chosen=chosen.account, options=accounts))
    values = dict(chosen.own)
    for facet in queue.facets:
        picked = values.get(facet.name, "")
        offered.append(Choice(name=facet.name, label=facet.label, chosen=picked, options=facet.options()))
    if "age" in common:
        ages = tuple((name, words) for name, (words, _) in AGES.items())
        offered.append(Choice(name="age", label="Waits longer than", chosen=chosen.age, options=ages))
    return offered
