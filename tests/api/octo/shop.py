"""A shop in front of OCTO: a catalogue, two partners with keys, and words to ask with."""

import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from bookings.models import Availability, Booking, Option, Partner, Product, Unit
from bookings.rules import availability_reference, zone_of
from bookings.services import ensure_availabilities, mint_partner_key
from bookings.services.catalogue import (
    UnitSpecification,
    ensure_option,
    ensure_partner,
    ensure_product,
    ensure_supplier,
)
from gateways.models import GatewayAccount
from payments.models import AccountRoute
from tests.remembered import remembered

METHODS = ["DIRECT", "WHOLESALE", "VOUCHER", "DEFERRED", "DEPOSIT"]
CORE = ""
PRICED = "octo/pricing"
CARDS = "octo/pricing, octo/cardPayments"
GIFTS = "octo/pricing, octo/cardPayments, octo/gifts"
GIFTS_IN_CART = "octo/pricing, octo/cardPayments, octo/cart, octo/gifts"
RETURN_URL = "https://shop.example.com/return"


class Octo:
    """Speak OCTO as one partner does: a key, capabilities, JSON."""

    def __init__(self, key: str | None, *, capabilities: str | None = CORE, **headers: str) -> None:
        self._client = Client(raise_request_exception=False)
        self._headers = dict(headers)
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"
        if capabilities is not None:
            self._headers["Octo-Capabilities"] = capabilities

    def get(self, path: str, query: dict[str, Any] | None = None, **headers: str) -> Any:
        """GET a path below /octo."""
        return self._client.get(f"/octo{path}", query or {}, headers=self._all(headers))

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST JSON to a path below /octo."""
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        """PATCH JSON to a path below /octo."""
        return self.send("PATCH", path, body, **headers)

    def delete(self, path: str, body: Any = None, **headers: str) -> Any:
        """DELETE a path below /octo."""
        return self.send("DELETE", path, body, **headers)

    def send(self, method: str, path: str, body: Any = None, *, kind: str = "application/json", **headers: str) -> Any:
        """Send anything; text and bytes go as they are."""
        raw = body if isinstance(body, str | bytes) else json.dumps({} if body is None else body)
        return self._client.generic(method, f"/octo{path}", raw, content_type=kind, headers=self._all(headers))

    def _all(self, headers: dict[str, str]) -> dict[str, str]:
        return {**self._headers, **{name.replace("_", "-"): value for name, value in headers.items()}}


@dataclass(kw_only=True)
class Shop:
    """Be what a partner's client knows after reading the catalogue."""

    partner: Partner
    other_partner: Partner
    key: str
    test_key: str
    other_key: str
    tour: Product
    tour_option: Option
    adult: Unit
    child: Unit
    park: Product
    park_option: Option
    visitor: Unit
    tour_slots: list[str]
    park_days: list[str]
    sold_out: str
    first_day: date
    unit_uuid: str = field(default="")

    def octo(self, capabilities: str | None = CORE, **headers: str) -> Octo:
        """Speak as the first partner, live."""
        return Octo(self.key, capabilities=capabilities, **headers)

    def wish(self, adults: int = 2, **fields: Any) -> dict[str, Any]:
        """Ask for seats on the first departure of the tour."""
        return {
            "productId": str(self.tour.pk),
            "optionId": str(self.tour_option.pk),
            "availabilityId": self.tour_slots[0],
            "unitItems": [{"unitId": str(self.adult.pk)} for _ in range(adults)],
            **fields,
        }

    def reserve(self, octo: Octo | None = None, adults: int = 2, **fields: Any) -> dict[str, Any]:
        """Reserve and return the booking."""
        answer = (octo or self.octo()).post("/bookings", self.wish(adults, **fields))
        assert answer.status_code == 200, answer.content
        body: dict[str, Any] = answer.json()
        return body

    def stored(self, booking: dict[str, Any]) -> Booking:
        """Return the row of a booking."""
        return Booking.objects.get(pk=booking["id"])


@remembered
def build_shop() -> Shop:
    """Build the shop: a START_TIME tour in three currencies and an OPENING_HOURS park, live and test keys, accounts."""
    now = timezone.now()
    first_day = now.date() + timedelta(days=3)
    supplier = ensure_supplier(
        name="Spree Kanal Touren", country_code="DE", email="office@example.com", website="https://example.com"
    )
    tour = ensure_product(
        supplier=supplier,
        reference="kayak",
        name="Kayak tour on the Spree",
        time_zone="Europe/Berlin",
        availability_type="START_TIME",
        default_currency="EUR",
        delivery_formats=["QRCODE", "PDF_URL"],
        delivery_methods=["VOUCHER", "TICKET"],
        settlement_methods=METHODS,
        deposit_percent=20,
        tax_name="VAT",
        tax_basis_points=1900,
    )
    tour_option = ensure_option(
        product=tour,
        reference="english",
        name="English guide",
        is_default=True,
        local_start_times=["10:00", "14:00"],
        max_units=30,
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
                fields=(("max_age", 12),),
            ),
        ],
    )
    park = ensure_product(
        supplier=supplier,
        reference="park",
        name="Garden of Lights",
        time_zone="Asia/Tokyo",
        availability_type="OPENING_HOURS",
        default_currency="JPY",
        delivery_formats=["QRCODE"],
        delivery_methods=["VOUCHER"],
        settlement_methods=METHODS,
        position=1,
    )
    park_option = ensure_option(
        product=park,
        reference="day",
        name="Day ticket",
        is_default=True,
        units=[
            UnitSpecification(
                reference="visitor",
                name="Visitor",
                type="ADULT",
                prices=(("JPY", 2000, 1800, 1500), ("EUR", 1300, 1200, 1000)),
            )
        ],
    )
    slots = ensure_availabilities(option=tour_option, from_date=first_day, days=5, capacity=200, now=now)
    days = ensure_availabilities(option=park_option, from_date=first_day, days=5, capacity=500, now=now)
    full = slots[-1]
    Availability.objects.filter(pk=full.pk).update(reserved=200)
    partner = ensure_partner(slug="nordwind-reisen", name="Nordwind Reisen", settlement_methods=METHODS)
    other = ensure_partner(slug="blue-harbor", name="Blue Harbor Travel", settlement_methods=METHODS)
    _route(partner, other)
    return Shop(
        partner=partner,
        other_partner=other,
        key=mint_partner_key(partner=partner, dialects=["octo"], is_live=True, label="live", now=now)[1],
        test_key=mint_partner_key(partner=partner, dialects=["octo"], is_live=False, label="test", now=now)[1],
        other_key=mint_partner_key(partner=other, dialects=["octo"], is_live=True, label="live", now=now)[1],
        tour=tour,
        tour_option=tour_option,
        adult=tour_option.units.get(reference="adult"),
        child=tour_option.units.get(reference="child"),
        park=park,
        park_option=park_option,
        visitor=park_option.units.get(),
        tour_slots=[availability_reference(slot.starts_at, zone_of(tour)) for slot in slots],
        park_days=[availability_reference(day.starts_at, zone_of(park)) for day in days],
        sold_out=availability_reference(full.starts_at, zone_of(tour)),
        first_day=first_day,
    )


def _route(partner: Partner, other: Partner) -> None:
    accounts = [
        ("adyen-eu", "adyen", ["EUR", "JPY"], ["ECOM", "MOTO"], True),
        ("adyen-us", "adyen", ["USD"], ["ECOM"], False),
        ("adyen-test", "adyen", ["EUR", "USD", "JPY"], ["ECOM"], True),
        ("external", "external", ["EUR", "USD", "JPY"], ["ECOM", "POS", "MOTO"], True),
    ]
    for rank, (slug, gateway, currencies, sources, captures_at_once) in enumerate(accounts):
        account, _ = GatewayAccount.objects.get_or_create(
            slug=slug,
            defaults={
                "name": slug,
                "gateway": gateway,
                "environment": "test",
                "currencies": currencies,
                "sources": sources,
                "captures_at_once": captures_at_once,
            },
        )
        for each in (partner, other):
            if slug == "external" and each is other:
                continue
            AccountRoute.objects.get_or_create(
                partner=each, account=account, is_live=slug != "adyen-test", defaults={"rank": rank}
            )
