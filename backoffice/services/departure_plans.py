"""What cancelling departures gives back, told before anything is done: the dry run, its sums and its fingerprint."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from backoffice.models import ReturnWay
from bookings.models import Availability
from money import Money
from payments.services.calling_off import Plan, plan_calling_off
from payments.services.ways_back import Obstacle, Way
from payments.states import OperationKind

# Whether it is test money, the currency, the way and the account.
_Key = tuple[bool, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Be what goes back in one currency and mode by one way; cards are told apart by the account that refunds them."""

    currency: str
    is_live: bool
    way: str
    account: str
    bookings: int
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """Be what cancelling departures would do, as things stand."""

    departures: tuple[Availability, ...]
    plans: tuple[Plan, ...]
    fingerprint: str

    @property
    def totals(self) -> list[Money]:
        """Return what goes back in all, per currency, by whatever way; test money is none."""
        sums: Counter[str] = Counter()
        for plan in self.plans:
            if plan.booking.is_live:
                sums[plan.booking.currency] += amount_of(plan)
        return [Money(minor, currency) for currency, minor in sorted(sums.items())]

    @property
    def sums(self) -> list[Sum]:
        """Return what goes back per currency and way, what waits for a gateway's word among it."""
        amounts: Counter[_Key] = Counter()
        bookings: Counter[_Key] = Counter()
        for plan in self.plans:
            keys = set()
            mode = (not plan.booking.is_live, plan.booking.currency)
            for way in plan.ways:
                key = (*mode, named_way_of(way), _account_of(way))
                amounts[key] += way.parts.amount_minor
                keys.add(key)
            if plan.undecided_minor:
                key = (*mode, "undecided at the gateway", "")
                amounts[key] += plan.undecided_minor
                keys.add(key)
            bookings.update(keys)
        return [
            Sum(
                currency=currency,
                is_live=not is_test,
                way=way,
                account=account,
                bookings=bookings[is_test, currency, way, account],
                amount=Money(minor, currency),
            )
            for (is_test, currency, way, account), minor in sorted(amounts.items())
        ]


def dry_run(*, departure_ids: Collection[UUID], now: datetime) -> DryRun:
    """Return what cancelling departures would give back; nothing is written, and no gateway is asked."""
    departures = Availability.objects.filter(pk__in=departure_ids).select_related("option__product").order_by("pk")
    plans = plan_calling_off(departure_ids=departure_ids, now=now)
    return DryRun(departures=tuple(departures), plans=tuple(plans), fingerprint=_fingerprint(departure_ids, plans))


def amount_of(plan: Plan) -> int:
    """Return what a plan gives back by whatever way, surcharges included, in minor units."""
    return sum(way.parts.amount_minor for way in plan.ways)


def calls_of(plan: Plan) -> dict[str, int]:
    """Return how many operations a plan asks of each account, by its id."""
    calls: Counter[str] = Counter()
    for way in plan.ways:
        if way.parent is not None and way.obstacle in (None, Obstacle.UNDECIDED):
            calls[str(way.parent.account_id)] += 1
    return dict(calls)


def way_of(way: Way) -> ReturnWay:
    """Return how a planned part goes back."""
    if way.obstacle is not None:
        return ReturnWay.BY_HAND
    if way.tender is not None:
        return ReturnWay.GIFT if way.tender.gift_id is not None else ReturnWay.CREDIT
    return ReturnWay.RELEASE if way.kind == OperationKind.VOID else ReturnWay.CARD


def named_way_of(way: Way) -> str:
    """Return how a planned part goes back, in words for staff."""
    if way.obstacle is Obstacle.UNDECIDED:
        return "waits for the gateway's word"
    return str(way_of(way).label)


def _account_of(way: Way) -> str:
    return way.parent.account.slug if way.parent is not None else ""


def _fingerprint(departure_ids: Iterable[UUID], plans: Iterable[Plan]) -> str:
    """Return what changes with anything that the dry run says."""
    said = [
        sorted(str(departure_id) for departure_id in departure_ids),
        [
            [
                str(plan.booking.pk),
                plan.booking.status,
                plan.share_minor,
                plan.undecided_minor,
                plan.remark,
                [_said_of(way) for way in plan.ways],
            ]
            for plan in plans
        ],
    ]
    return hashlib.sha256(json.dumps(said, separators=(",", ":")).encode()).hexdigest()


def _said_of(way: Way) -> list[object]:
    source: list[object] = [way.parent.pk if way.parent is not None else None]
    if way.tender is not None:
        source += [way.tender.gift_id, way.tender.customer_id]
    parts = [way.parts.base_minor, way.parts.surcharge_minor, way.parts.donation_minor]
    return [[str(each) for each in source], way_of(way), way.obstacle, parts]
