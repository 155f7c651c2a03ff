"""What the seeded guests buy, and from whom; all of it carries `volume` in its reference."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from bookings.models import Availability, Partner
from bookings.services.catalogue import (
    UnitSpecification,
    ensure_option,
    ensure_partner,
    ensure_product,
    ensure_supplier,
)
from config.demo.accounts import ACCOUNTS, TAKEN_ELSEWHERE, TEST_ACCOUNT
from config.demo.catalogue import SUPPLIERS
from config.volume.people import SHOPS
from gateways.models import GatewayAccount
from payments.models import AccountRoute

_TOURS = ("City walk", "River cruise", "Museum evening", "Harbor by night", "Old town by bike", "Castle day trip")
# currency -> (share of the orders in percent, an adult's cheapest ticket in minor units)
CURRENCIES = {
    "EUR": (46, 2_000),
    "USD": (22, 2_200),
    "GBP": (12, 1_800),
    "JPY": (9, 3_000),
    "CHF": (7, 2_000),
    "KWD": (4, 6_500),
}
# The demo's accounts take no dinars.
_GULF = {
    "gateway": "stripe",
    "name": "Stripe, Gulf",
    "currencies": ["KWD"],
    "sources": ["ECOM"],
    "captures_at_once": True,
    "stores_cards": True,
}
OWN_SLUG = "volume-"
DAYS_AHEAD = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Departures:
    """Hold the daily departures of one tour: ids are texts, by day, counted from the first."""

    number: int
    product: str
    option: str
    adult: str
    first_at: datetime
    ids: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Hold what a seeded order can name; accounts by currency, most used first."""

    partners: list[Partner]
    tours: list[Departures]
    accounts: dict[str, list[GatewayAccount]]
    test_account: GatewayAccount
    elsewhere: GatewayAccount


def ensure_catalog(*, partners: int, first_at: datetime, days: int, chance: random.Random) -> Catalog:
    """Make tours, shops and accounts, or find them again; the departures are new."""
    accounts = {
        slug: GatewayAccount.objects.get_or_create(slug=slug, defaults={"environment": "test", **fields})[0]
        for slug, fields in {**ACCOUNTS, "stripe-gulf": _GULF}.items()
    }
    by_cards = [
        account for slug, account in accounts.items() if slug not in TAKEN_ELSEWHERE and not slug.endswith("-test")
    ]
    shops = [
        ensure_partner(
            slug=f"{OWN_SLUG}{number}",
            name=SHOPS[number % len(SHOPS)] + (f" {number // len(SHOPS) + 1}" if number >= len(SHOPS) else ""),
            settlement_methods=["DIRECT"],
        )
        for number in range(partners)
    ]
    for shop in shops:
        for rank, account in enumerate(accounts.values()):
            AccountRoute.objects.get_or_create(
                partner=shop, account=account, is_live=account.slug != TEST_ACCOUNT, defaults={"rank": rank}
            )
    return Catalog(
        partners=shops,
        tours=[_tour(number, first_at, days, chance) for number in range(len(_TOURS))],
        accounts={
            currency: [account for account in by_cards if currency in account.currencies] for currency in CURRENCIES
        },
        test_account=accounts[TEST_ACCOUNT],
        elsewhere=accounts[next(iter(TAKEN_ELSEWHERE))],
    )


def price_of(number: int, currency: str) -> int:
    """Return what an adult pays for a tour, in minor units."""
    return CURRENCIES[currency][1] * (number + 2) // 2


def _tour(number: int, first_at: datetime, days: int, chance: random.Random) -> Departures:
    suppliers = list(SUPPLIERS.items())
    name, fields = suppliers[number % len(suppliers)]
    product = ensure_product(
        supplier=ensure_supplier(name=name, **fields),
        reference=f"{OWN_SLUG}{number}",
        name=_TOURS[number],
        time_zone="UTC",
        availability_type="START_TIME",
        default_currency="EUR",
        delivery_formats=["QRCODE"],
        delivery_methods=["VOUCHER"],
        settlement_methods=["DIRECT"],
        position=100 + number,
    )
    prices = tuple(
        (currency, price_of(number, currency), price_of(number, currency), price_of(number, currency) * 85 // 100)
        for currency in CURRENCIES
    )
    option = ensure_option(
        product=product,
        reference=f"{OWN_SLUG}{number}",
        name="Daily",
        is_default=True,
        local_start_times=[f"{first_at:%H:%M}"],
        units=[UnitSpecification(reference="adult", name="Adult", type="ADULT", prices=prices)],
    )
    rows = [
        Availability(
            id=UUID(int=chance.getrandbits(128), version=4),
            option=option,
            starts_at=first_at + timedelta(days=day),
            ends_at=first_at + timedelta(days=day, hours=2),
            local_date=(first_at + timedelta(days=day)).date(),
        )
        for day in range(days)
    ]
    Availability.objects.bulk_create(rows, batch_size=1_000)
    return Departures(
        number=number,
        product=str(product.pk),
        option=str(option.pk),
        adult=str(option.units.get(reference="adult").pk),
        first_at=first_at,
        ids=[str(row.pk) for row in rows],
    )
