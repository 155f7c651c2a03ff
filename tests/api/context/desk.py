"""A partner at the context API: a key, a booking and its customer by their numbers, and the documented bodies."""

import json
from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.utils import timezone

from bookings.models import Booking, Customer
from bookings.services import mint_partner_key
from gateways.protocol import Action
from tests.api.octo.shop import Shop
from tests.payments.bank import RIGHT_PASSWORD, answer_the_bank

RETURN_URL = "https://shop.example.com/return"
VISA, MASTERCARD, CHALLENGED = "4111111111111111", "5555444433331111", "4917610000000000"


def card(number: str = VISA, holder: str = "Bart Simpson", **fields: Any) -> dict[str, Any]:
    """Return a card as Adyen's script encrypts one on its test platform; some holder names make the bank refuse."""
    return {
        "uniquePaymentMethodCode": "scheme",
        "encryptedCardNumber": f"test_{number}",
        "encryptedExpiryMonth": "test_03",
        "encryptedExpiryYear": "test_2030",
        "encryptedSecurityCode": "test_737",
        "cardHolderName": holder,
        **fields,
    }


def plain(amount: Any = 90.0, **fields: Any) -> dict[str, Any]:
    """Return the least that charges a card, without the bank asking the guest."""
    return {"paymentMethodDetails": card(), "amount": amount, "currencyCode": "EUR", **fields}


def documented(amount: Any = 90.0, **fields: Any) -> dict[str, Any]:
    """Return the documented request: its fields and values, for this booking's amount and currency."""
    return {
        "billingHouseNumberOrName": "12",
        "billingStreet": "Templeton St",
        "billingCity": "Melbourne",
        "billingStateOrProvince": "CA",
        "billingPostcode": "3000",
        "billingCountryCode": "AU",
        "returnURL": "http://127.0.0.1/",
        "originHost": "https://bookings.intrepidtravel.com",
        "paymentMethodDetails": card(),
        "browserInfo": {
            "acceptHeader": "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,image/apng,*/*;q=0.8",
            "language": "en-EN",
            "colorDepth": 24,
            "javaEnabled": False,
            "javaScriptEnabled": True,
            "screenHeight": 768,
            "screenWidth": 1080,
            "timeZoneOffset": 660,
            "userAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:68.0) Gecko/20100101 Firefox/68.0",
        },
        "shopperIP": "8.8.8.8",
        "paymentMethodId": 32,
        "amount": amount,
        "donationAmount": 25.0,
        "currencyCode": "EUR",
        **fields,
    }


class Caller:
    """Speak the context API with one key."""

    def __init__(self, key: str | None, **headers: str) -> None:
        self._client = Client(raise_request_exception=False)
        self._headers = {**({"X-Api-Key": key} if key is not None else {}), **headers}

    def get(self, path: str, query: dict[str, Any] | None = None, **headers: str) -> Any:
        """GET a path."""
        return self._client.get(path, query or {}, headers=self._all(headers))

    def post(self, path: str, body: Any = None, *, kind: str = "application/json", **headers: str) -> Any:
        """POST JSON; text and bytes go as they are."""
        raw = body if isinstance(body, str | bytes) else json.dumps({} if body is None else body)
        return self._client.generic("POST", path, raw, content_type=kind, headers=self._all(headers))

    def _all(self, headers: dict[str, str]) -> dict[str, str]:
        return {**self._headers, **{name.replace("_", "-"): value for name, value in headers.items()}}


def challenge(place: str, caller: Caller, amount: Any = 90.0, **headers: str) -> dict[str, Any]:
    """Pay below a booking or customer by a card whose bank asks the guest; return the answer."""
    body = documented(amount, paymentMethodDetails=card(CHALLENGED))
    answer = caller.post(f"{place}/Payment", body, **headers)
    assert answer.status_code == 202, answer.content
    shown: dict[str, Any] = answer.json()
    return shown


def brought_back(shown: dict[str, Any], password: str = RIGHT_PASSWORD) -> dict[str, Any]:
    """Answer the bank as a guest does, and return the body that goes on with the payment."""
    redirect = shown["redirectRequest"]
    proof = answer_the_bank(Action(type="redirect", url=redirect["url"], method=redirect["method"]), password)
    return {
        "paymentDetails": json.dumps([{"key": name, "value": value} for name, value in proof.items()]),
        "paymentData": redirect["paymentData"],
        "paymentProcessAuditId": shown["paymentProcessAuditId"],
    }


@dataclass(kw_only=True)
class Desk:
    """Be what a partner's client knows, and what it may not know."""

    shop: Shop
    key: str
    test_key: str
    other_key: str
    sibling_key: str
    booking: Booking

    @property
    def caller(self) -> Caller:
        """Speak as the partner, live."""
        return Caller(self.key)

    @property
    def customer(self) -> Customer:
        """Return whose booking it is."""
        customer = self.booking.order.customer
        assert customer is not None
        return customer

    @property
    def at_booking(self) -> str:
        """Return the path of the booking."""
        return f"/bookings/{self.booking.number}"

    @property
    def at_customer(self) -> str:
        """Return the path of the customer."""
        return f"/customers/{self.customer.number}"

    def fresh(self) -> Booking:
        """Return the booking as it is in the database now, with its order."""
        return Booking.objects.select_related("order").get(pk=self.booking.pk)


def build_desk(shop: Shop, *, adults: int = 2) -> Desk:
    """Hold a booking of 45.00 EUR for each adult, and mint the keys."""

    def key(partner: Any, *, is_live: bool = True) -> str:
        return mint_partner_key(
            partner=partner, dialects=["context"], is_live=is_live, label="context", now=timezone.now()
        )[1]

    shown = shop.reserve(adults=adults)
    booking = Booking.objects.select_related("order__customer").get(uuid=shown["uuid"])
    return Desk(
        shop=shop,
        key=key(shop.partner),
        test_key=key(shop.partner, is_live=False),
        other_key=key(shop.other_partner),
        sibling_key=key(shop.partner),
        booking=booking,
    )
