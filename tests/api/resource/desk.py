"""A travel agent's desk: asks the payments resource as its partner's software does."""

import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.test import Client
from django.utils import timezone

from bookings.models import Booking
from bookings.services import mint_partner_key
from gateways.models import GatewayAccount
from tests.api.octo.shop import CARDS, Shop

# Adyen's published test card, with its published expiry and code.
CARD = {
    "transaction_type_code": "CREDIT_CARD",
    "number": "4111111111111111",
    "expiry_month": "03",
    "expiry_year": "2030",
    "cvv": "737",
    "name_on_card": "Ada Byron",
}
XML = "application/xml"


@dataclass(kw_only=True)
class Desk:
    """Ask as one partner does, with a key; every answer is a raw one."""

    key: str | None
    shop: Shop

    def get(self, path: str, **headers: str) -> Any:
        """GET a path."""
        return self.send("GET", path, b"", **headers)

    def post(self, path: str, body: Any, **headers: str) -> Any:
        """POST JSON."""
        return self.send("POST", path, json.dumps(body).encode(), **headers)

    def send(self, method: str, path: str, body: str | bytes, *, kind: str = "application/json", **headers: str) -> Any:
        """Send anything; header names with underscores for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            named = {"X-Application-Key": self.key, **named}
        client = Client(raise_request_exception=False)
        return client.generic(method, path, body, content_type=kind, headers=named)

    @property
    def base(self) -> str:
        """Return what every address of ours begins with."""
        return str(settings.PUBLIC_BASE_URL)

    def booking(self, adults: int = 2, *, octo_env: str = "live", **fields: Any) -> Booking:
        """Return a new hold; adults cost 45.00 EUR."""
        octo = self.shop.octo(CARDS, Octo_Env=octo_env)
        shown = self.shop.reserve(octo, adults, **{"contact": {"fullName": "Ada Byron"}, **fields})
        return Booking.objects.select_related("order__customer").get(pk=shown["id"])

    @staticmethod
    def wish(booking: Booking, amount: Any = "90.00", **fields: Any) -> dict[str, Any]:
        """Return the body that pays for a booking by card."""
        assert booking.order.customer is not None
        return {
            "booking": {"id": str(booking.number)},
            "customer": {"id": str(booking.order.customer.number)},
            "amount": amount,
            "details": CARD,
            **fields,
        }

    def pay(self, booking: Booking, amount: str = "90.00", *, holder: str = "Ada Byron", **fields: Any) -> Any:
        """POST a payment; some holder names make the bank refuse."""
        details = {**CARD, "name_on_card": holder}
        return self.post("/payments/", self.wish(booking, amount, details=details, **fields))


def build_desk(shop: Shop, *, is_live: bool = True) -> Desk:
    """Give the shop's partner a key for this API, and let its accounts take card details."""
    GatewayAccount.objects.filter(gateway="adyen").update(takes_raw_cards=True)
    key = mint_partner_key(
        partner=shop.partner, dialects=["resource"], is_live=is_live, label="desk", now=timezone.now()
    )[1]
    return Desk(key=key, shop=shop)
