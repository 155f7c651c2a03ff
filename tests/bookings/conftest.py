from datetime import UTC, date, datetime

import pytest

from bookings.models import Availability, Option, Partner, Product, Supplier, Unit
from bookings.services.catalogue import (
    UnitSpecification,
    ensure_availabilities,
    ensure_option,
    ensure_partner,
    ensure_product,
    ensure_supplier,
)
from tests.bookings.shop import NOW, Shop


@pytest.fixture
def supplier(db) -> Supplier:
    return ensure_supplier(name="Spree Kanal Touren", country_code="DE", email="office@example.com")


@pytest.fixture
def product(supplier) -> Product:
    return ensure_product(
        supplier=supplier,
        reference="kayak",
        name="Kayak tour on the Spree",
        time_zone="Europe/Berlin",
        availability_type="START_TIME",
        default_currency="EUR",
        delivery_formats=["QRCODE", "PDF_URL"],
        delivery_methods=["VOUCHER", "TICKET"],
        settlement_methods=["DIRECT", "WHOLESALE", "VOUCHER", "DEFERRED", "DEPOSIT"],
        deposit_percent=20,
        tax_name="VAT",
        tax_basis_points=1900,
    )


@pytest.fixture
def option(product) -> Option:
    return ensure_option(
        product=product,
        reference="english",
        name="English guide",
        is_default=True,
        local_start_times=["10:00", "14:00"],
        booking_cutoff_minutes=60,
        units=[
            UnitSpecification(
                reference="adult",
                name="Adult",
                type="ADULT",
                prices=(("EUR", 5000, 4500, 3825), ("USD", 5500, 5000, 4250), ("JPY", 8000, 7500, 6375)),
            ),
            UnitSpecification(
                reference="child",
                name="Child",
                type="CHILD",
                prices=(("EUR", 2500, 2250, 1913), ("USD", 2700, 2500, 2125)),
            ),
            UnitSpecification(
                reference="family",
                name="Family",
                type="FAMILY",
                prices=(("EUR", 12000, 11000, 9350),),
                fields=(("pax_count", 4),),
            ),
        ],
    )


@pytest.fixture
def adult(option) -> Unit:
    return option.units.get(reference="adult")


@pytest.fixture
def child(option) -> Unit:
    return option.units.get(reference="child")


@pytest.fixture
def family(option) -> Unit:
    return option.units.get(reference="family")


@pytest.fixture
def departures(option) -> list[Availability]:
    return ensure_availabilities(option=option, from_date=date(2026, 11, 23), days=3, capacity=10, now=NOW)


@pytest.fixture
def departure(departures) -> Availability:
    return departures[0]


@pytest.fixture
def partner(db) -> Partner:
    return ensure_partner(
        slug="nordwind-reisen",
        name="Nordwind Reisen",
        settlement_methods=["DIRECT", "WHOLESALE", "VOUCHER", "DEFERRED", "DEPOSIT"],
    )


@pytest.fixture
def other_partner(db) -> Partner:
    return ensure_partner(slug="blue-harbor", name="Blue Harbor Travel", settlement_methods=["DIRECT"])


@pytest.fixture
def shop(partner, product, option, adult, child, family, departures) -> Shop:
    return Shop(partner=partner, product=product, option=option, adult=adult, child=child, family=family)


@pytest.fixture
def later() -> datetime:
    return datetime(2026, 11, 21, 9, 10, tzinfo=UTC)
