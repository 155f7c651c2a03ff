"""What the demo sells: brands, tours and prices. Data only; `config.seeding` puts it into the database.

The boats are large and the gardens wide on purpose: load runs must not sell them out.
"""

from dataclasses import dataclass, field
from typing import Any

from bookings.services.catalogue import UnitSpecification

SETTLEMENT_METHODS = ("DIRECT", "WHOLESALE", "VOUCHER", "DEFERRED", "DEPOSIT")
# What a partner keeps of the retail price, in percent.
COMMISSION_PERCENT = 15
# Minor units of each currency in a euro cent, roughly.
_PER_EURO = {"EUR": 1.0, "USD": 1.1, "GBP": 0.85, "JPY": 1.6}


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionPlan:
    """Describe one way to take a product; `capacity` is that of every departure or open day."""

    reference: str
    name: str
    capacity: int
    units: tuple[UnitSpecification, ...]
    fields: dict[str, Any] = field(default_factory=dict)
    opening_hours: tuple[str, str] = ("09:00", "18:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductPlan:
    """Describe a tour or an entry ticket of one brand."""

    supplier: str
    reference: str
    options: tuple[OptionPlan, ...]
    fields: dict[str, Any]


def _prices(retail_eur: int) -> tuple[tuple[str, int, int, int], ...]:
    """Return (currency, original, retail, net) for a price in euro cents; the list price is a tenth higher."""
    prices = []
    for currency, rate in _PER_EURO.items():
        # 1.00 EUR is 160 JPY, and JPY has no minor unit; everywhere else prices end in a whole ten cents.
        step = 100 if currency == "JPY" else 10
        retail = round(retail_eur * rate / step) * step
        original = round(retail * 1.1 / step) * step
        prices.append((currency, original, retail, retail * (100 - COMMISSION_PERCENT) // 100))
    return tuple(prices)


def _unit(reference: str, retail_eur: int, *, ages: tuple[int, int], **fields: Any) -> UnitSpecification:
    return UnitSpecification(
        reference=reference,
        name=reference.capitalize(),
        type=reference.upper(),
        prices=_prices(retail_eur),
        fields=(("min_age", ages[0]), ("max_age", ages[1]), *fields.items()),
    )


def _tour(**fields: Any) -> dict[str, Any]:
    return {
        "availability_type": "START_TIME",
        "delivery_formats": ["QRCODE"],
        "delivery_methods": ["VOUCHER", "TICKET"],
        "settlement_methods": list(SETTLEMENT_METHODS),
        "deposit_percent": 20,
        **fields,
    }


# name -> fields
SUPPLIERS: dict[str, dict[str, str]] = {
    "Fernweg Touren": {
        "country_code": "DE",
        "website": "https://fernweg.example.com",
        "email": "office@fernweg.example.com",
        "telephone": "+49 30 5550100",
        "address": "Uferstraße 12, 10999 Berlin",
    },
    "Hudson & Harbor": {
        "country_code": "US",
        "website": "https://hudson-harbor.example.com",
        "email": "hello@hudson-harbor.example.com",
        "telephone": "+1 212 555 0142",
        "address": "Pier 25, New York, NY 10013",
    },
    "Kawabe Cruises": {
        "country_code": "JP",
        "website": "https://kawabe.example.com",
        "email": "info@kawabe.example.com",
        "telephone": "+81 3 5550 0170",
        "address": "1-2-3 Asakusa, Taito, Tokyo 111-0032",
    },
}

CANAL_CRUISE = "canal-cruise"

PRODUCTS: tuple[ProductPlan, ...] = (
    ProductPlan(
        supplier="Fernweg Touren",
        reference=CANAL_CRUISE,
        fields=_tour(
            name="Berlin by water: canals and Museum Island",
            time_zone="Europe/Berlin",
            default_currency="EUR",
            tax_name="VAT",
            tax_basis_points=1900,
            position=1,
        ),
        options=(
            OptionPlan(
                reference="english",
                name="English commentary",
                capacity=200,
                fields={
                    "is_default": True,
                    "local_start_times": ["10:00", "14:00", "18:30"],
                    "duration_minutes": 150,
                    "cancellation_cutoff_amount": 24,
                    "position": 1,
                },
                units=(
                    _unit("adult", 4500, ages=(18, 99)),
                    _unit("youth", 3200, ages=(12, 17)),
                    _unit("child", 1800, ages=(4, 11)),
                ),
            ),
            OptionPlan(
                reference="german",
                name="Deutscher Kommentar",
                capacity=200,
                fields={"local_start_times": ["11:00", "15:00"], "duration_minutes": 150, "position": 2},
                units=(
                    _unit("adult", 4200, ages=(18, 99)),
                    _unit("youth", 3000, ages=(12, 17)),
                    _unit("child", 1600, ages=(4, 11)),
                ),
            ),
        ),
    ),
    ProductPlan(
        supplier="Hudson & Harbor",
        reference="sunset-sail",
        fields=_tour(
            name="Hudson River sunset sail",
            time_zone="America/New_York",
            default_currency="USD",
            position=2,
        ),
        options=(
            OptionPlan(
                reference="pier-25",
                name="From Pier 25",
                capacity=240,
                fields={
                    "is_default": True,
                    "local_start_times": ["16:30", "19:00"],
                    "duration_minutes": 120,
                    "cancellation_cutoff_amount": 2,
                    "cancellation_cutoff_unit": "day",
                    "position": 1,
                },
                units=(
                    _unit("adult", 6400, ages=(13, 64)),
                    _unit("senior", 5800, ages=(65, 110)),
                    _unit("child", 3200, ages=(3, 12)),
                    _unit("infant", 500, ages=(0, 2)),
                ),
            ),
        ),
    ),
    ProductPlan(
        supplier="Kawabe Cruises",
        reference="lantern-cruise",
        fields=_tour(
            name="Sumida River by lantern light",
            time_zone="Asia/Tokyo",
            default_currency="JPY",
            deposit_percent=None,
            deposit_amounts={"JPY": 3000, "EUR": 2000},
            balance_due_days=7,
            tax_name="Consumption tax",
            tax_basis_points=1000,
            position=3,
        ),
        options=(
            OptionPlan(
                reference="asakusa",
                name="From Asakusa pier",
                capacity=200,
                fields={
                    "is_default": True,
                    "local_start_times": ["18:00", "20:00"],
                    "duration_minutes": 90,
                    "position": 1,
                },
                units=(
                    _unit("adult", 4000, ages=(18, 99)),
                    _unit("student", 3000, ages=(12, 27), id_required=True),
                    _unit("child", 2000, ages=(6, 11)),
                ),
            ),
        ),
    ),
    ProductPlan(
        supplier="Fernweg Touren",
        reference="palace-gardens",
        fields=_tour(
            name="Palace gardens and glasshouses: day ticket",
            time_zone="Europe/Berlin",
            availability_type="OPENING_HOURS",
            default_currency="EUR",
            delivery_methods=["TICKET"],
            tax_name="VAT",
            tax_basis_points=700,
            position=4,
        ),
        options=(
            OptionPlan(
                reference="day-ticket",
                name="Day ticket",
                capacity=600,
                opening_hours=("09:00", "19:00"),
                fields={
                    "is_default": True,
                    "duration_minutes": 600,
                    "cancellation_cutoff_amount": 1,
                    "cancellation_cutoff_unit": "hour",
                    "position": 1,
                },
                units=(
                    _unit("adult", 2400, ages=(18, 99)),
                    _unit("student", 1600, ages=(16, 30), id_required=True),
                    _unit("child", 900, ages=(4, 15)),
                    _unit("family", 5600, ages=(0, 99), pax_count=4),
                ),
            ),
        ),
    ),
)
