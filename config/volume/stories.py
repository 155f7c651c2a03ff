"""What happens to the seeded orders: how many of each, in which month of the year, at which hour."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from config.volume.catalog import CURRENCIES, Catalog, Departures
from gateways.models import GatewayAccount


class Story(StrEnum):
    """Name what becomes of an order; what a gateway holds first is captured by a second operation."""

    PAID = "paid"
    PAID_AT_SECOND_TRY = "paid at second try"
    DECLINED = "declined"
    ABANDONED = "abandoned"
    REFUNDED = "refunded"
    PARTLY_REFUNDED = "partly refunded"
    REFUND_FAILED = "refund failed"
    REFUND_UNKNOWN = "refund unknown"
    CHARGED_BACK = "charged back"
    TAKEN_ELSEWHERE = "taken elsewhere"


# Out of a thousand orders.
_SHARES = {
    Story.PAID: 735,
    Story.PAID_AT_SECOND_TRY: 45,
    Story.DECLINED: 35,
    Story.ABANDONED: 45,
    Story.REFUNDED: 65,
    Story.PARTLY_REFUNDED: 25,
    Story.REFUND_FAILED: 3,
    Story.REFUND_UNKNOWN: 3,
    Story.CHARGED_BACK: 4,
    Story.TAKEN_ELSEWHERE: 40,
}
_SALE = (Story.PAID, Story.DECLINED, Story.TAKEN_ELSEWHERE)
_TEST_SHARE = 0.06
# A question that is open for longer than this has been answered: it was a refund like others.
_OPEN_FOR = timedelta(days=4)
# Bookings grow over the time that is seeded; below one the later part has more of them.
_GROWTH = 0.8
# At which part of a day so much of its bookings has come in: few at night, most in the evening.
_DAY = ((0.0, 0.0), (0.05, 0.29), (0.45, 0.58), (0.85, 0.88), (1.0, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Be one order to come: what becomes of it, when, through which account, for which tour and for how many."""

    story: Story
    moment: datetime
    is_live: bool
    account: GatewayAccount
    currency: str
    tour: Departures
    adults: int

    @property
    def is_held_first(self) -> bool:
        """Say whether its money is authorized and captured by two operations."""
        return not self.account.captures_at_once

    @property
    def transactions(self) -> int:
        """Return how many operations it has."""
        if self.story is Story.ABANDONED:
            return 0
        held = 1 if self.is_held_first and self.story is not Story.DECLINED else 0
        return 1 + held + (self.story not in _SALE)


def plans(
    *, catalog: Catalog, transactions: int, since: datetime, until: datetime, chance: random.Random
) -> Iterator[Plan]:
    """Return orders with at least so many transactions in all, oldest first."""
    average = sum(_transactions_of(story, catalog) * share for story, share in _SHARES.items()) / 1_000
    expected = transactions / average
    stories, story_shares = list(_SHARES), list(_SHARES.values())
    currencies, currency_shares = list(CURRENCIES), [share for share, _ in CURRENCIES.values()]
    made = index = 0
    while made < transactions:
        moment = _moment(min(index / expected, 0.999_999), since, until)
        currency = chance.choices(currencies, currency_shares)[0]
        is_live = chance.random() > _TEST_SHARE or currency not in catalog.test_account.currencies
        story = chance.choices(stories, story_shares)[0]
        if story is Story.REFUND_UNKNOWN and moment < until - _OPEN_FOR:
            story = Story.REFUNDED
        if story is Story.TAKEN_ELSEWHERE and currency not in catalog.elsewhere.currencies:
            story = Story.PAID
        among = catalog.accounts[currency]
        # The first route has most.
        account = among[min(int(chance.expovariate(0.9)), len(among) - 1)]
        if story is Story.TAKEN_ELSEWHERE:
            account = catalog.elsewhere
        elif not is_live:
            account = catalog.test_account
        plan = Plan(
            story=story,
            moment=moment,
            is_live=is_live,
            account=account,
            currency=currency,
            tour=chance.choice(catalog.tours),
            adults=min(1 + int(chance.expovariate(0.9)), 8),
        )
        yield plan
        made += plan.transactions
        index += 1


def _transactions_of(story: Story, catalog: Catalog) -> float:
    """Return how many operations a story has on average, over the accounts of all currencies."""
    if story is Story.ABANDONED:
        return 0
    held = sum(
        share for currency, (share, _) in CURRENCIES.items() if not catalog.accounts[currency][0].captures_at_once
    )
    is_held = story not in (Story.DECLINED, Story.TAKEN_ELSEWHERE)
    return 1 + held * is_held / 100 + (story not in _SALE)


def _moment(share: float, since: datetime, until: datetime) -> datetime:
    """Return when the order comes of which this share of all came before."""
    days = (until - since).days * share**_GROWTH
    part = days % 1
    for (begun, hour), (ended, next_hour) in pairwise(_DAY):
        if part <= ended:
            within = (part - begun) / (ended - begun)
            return since + timedelta(days=int(days) + hour + within * (next_hour - hour))
    raise AssertionError("a day ends at one")
