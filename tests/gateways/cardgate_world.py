"""What the tests know of CardGate: examples of every reference and request, and how callbacks are signed."""

import base64
import hashlib
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import gateways.adapters.cardgate
from gateways.adapters.cardgate.gateway import CardgateGateway
from gateways.adapters.cardgate.refusals import RESOLUTIONS, decline_of, token_refused
from gateways.protocol import Decline, Delivery, OpenRequest
from money import Money
from tests.gateways.examples import NOW, Examples, samples_of
from tests.gateways.scripted_server import ScriptedServer
from tests.gateways.world import World

INVOICE, INSTANT = "cpi_7Rk2mVxQ4TzNw8Hb", "cpi_Z4nB8tLwQ2xVk6Rm"
TOKEN = "4c9jHUgeL1SD7g5byDYn9Gc0RC60NN3x"
SALE_TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.opaque-sale-token.c2lnbmF0dXJl"
ACCOUNT, API_KEY = "coma_8TkQ2vNwR5mZx4Lb", "the-key-of-the-private-api"
PRIVATE_KEY, OLDER_PRIVATE_KEY = "sk_test_9f2c7be1d40a", "sk_test_0be44a17c6d3"
EXAMPLES = Examples(opening=INVOICE, payment=INVOICE, card=TOKEN)
open_request = EXAMPLES.open_request
charge_request = EXAMPLES.charge_request
complete_request = EXAMPLES.complete_request
refund_request = EXAMPLES.refund_request
sample = samples_of(gateways.adapters.cardgate)


def invoice(name: str = "invoice_processed", **changes: Any) -> Any:
    """Return a sample with some attributes changed; one of Ellipsis is left out."""
    document = sample(name)
    attributes = {**document["data"]["attributes"], **changes}
    document["data"]["attributes"] = {key: value for key, value in attributes.items() if value is not ...}
    return document


def credentials(base_url: str, **more: str) -> dict[str, str]:
    return {
        "account_id": ACCOUNT,
        "api_key": API_KEY,
        "private_keys": f"{PRIVATE_KEY}, {OLDER_PRIVATE_KEY}",
        "environment": "test",
        "service": "",
        "api_base_url": f"{base_url}/cardgate",
        "cardgate_base_url": f"{base_url}/cardgate",
        "callback_url": "",
        "timeout_seconds": "4",
        **more,
    }


def cardgate_at(base_url: str, **more: str) -> CardgateGateway:
    return CardgateGateway(credentials(base_url, **more))


def signed(document: Any, *, key: str = PRIVATE_KEY) -> Delivery:
    """Make a callback, signed as CardGate signs."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    digest = hashlib.sha1(key.encode() + body + key.encode()).digest()
    return delivery(body, base64.b64encode(digest).decode())


def delivery(body: bytes, signature: str) -> Delivery:
    return Delivery(headers={"x-signature": signature}, body=body, received_at=NOW + timedelta(days=1))


def listed(*documents: Any, following: str | None = None) -> Any:
    return {"data": [document["data"] for document in documents], "links": {"next": following}}


def instant(**changes: Any) -> Any:
    return invoice("invoice_instant", **changes)


def charged(**changes: Any) -> Any:
    return invoice("invoice_charged", **changes)


def paths(server: ScriptedServer) -> list[str]:
    return [f"{asked.method} {asked.target}" for asked in server.asked]


class CardgateWorld(World):
    examples = EXAMPLES
    secrets = (
        API_KEY,
        PRIVATE_KEY,
        OLDER_PRIVATE_KEY,
        TOKEN,
        SALE_TOKEN,
        "Ada Byron",
        "ada@example.com",
        "203.0.113.7",
        "checkout.example.com",
    )
    _currency = ""

    def gateway(self, base_url: str, **more: str) -> CardgateGateway:
        return cardgate_at(base_url, **more)

    def open_request(self, money: Money) -> OpenRequest:
        return open_request(money, email="ada@example.com", shopper_reference="c-1204", stores_card=True)

    def told_amount(self, body: Any) -> tuple[int, str]:
        attributes = body["data"]["attributes"]
        # A refund is in its invoice's currency; the suite asks for all in one.
        currency = attributes.get("currency") or self._currency
        self._currency = currency
        return Money.parse(str(Decimal(str(attributes["amount"]))), currency).minor, currency

    def refusals(self) -> list[Decline]:
        named = [decline_of(resolution) for resolution in RESOLUTIONS]
        return [*named, decline_of("card_type_not_supported"), decline_of("something_new"), token_refused("")]

    def answers(self) -> dict[str, tuple[int, Any]]:
        return {
            "open": (201, sample("invoice_created")),
            "charge": (201, sample("invoice_charged")),
            "complete": (200, sample("invoice_processed")),
            "refund": (200, sample("invoice_partially_refunded")),
        }

    def genuine(self) -> list[Delivery]:
        names = ("invoice_created", "invoice_processed", "invoice_partially_refunded", "invoice_failed")
        return [
            *(signed(sample(name)) for name in names),
            signed(
                invoice(status="charged_back", charged_back_amount=90, charged_back=1795683600), key=OLDER_PRIVATE_KEY
            ),
            signed({"data": {"type": "payout-invoices", "id": "cpo_1", "attributes": {}}}),
        ]

    def forged(self) -> list[Delivery]:
        good = signed(sample("invoice_processed"))
        return [
            Delivery(headers={}, body=good.body, received_at=NOW),
            delivery(good.body, ""),
            delivery(good.body, "nicht gültig"),
            delivery(good.body + b" ", good.headers["x-signature"]),
            signed(sample("invoice_processed"), key="sk_test_of_somebody_else"),
            signed(sample("invoice_processed"), key=""),
            signed(invoice(test_mode=False)),
            signed(b"no json"),
        ]
