"""What the tests know of Viva: examples of every reference, request, answer and delivery."""

import http.server
import json
import threading
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import gateways.adapters.viva
from gateways.adapters.viva.currencies import NUMBERS
from gateways.adapters.viva.gateway import VivaGateway
from gateways.adapters.viva.refusals import REFUSALS, decline_of
from gateways.protocol import (
    CaptureRequest,
    ChargeRequest,
    CompleteRequest,
    Decline,
    Delivery,
    OpenRequest,
    Reference,
    RefundRequest,
    RevokeCardRequest,
    Source,
    VoidRequest,
)
from money import Money
from tests.gateways.scripted_server import Asked
from tests.gateways.world import World

SAMPLES = Path(gateways.adapters.viva.__file__).parent / "samples"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ORDER = "4201736414972602"
PAYMENT, REFUND = "7b0a9d5e-2f7c-4a11-9d9e-0b6f7f1d2c33", "1f4c8a52-6d0e-4b7b-9a34-5c2e8d7f6a10"
HOLD, CAPTURE = "5e8f7a6b-3c4d-4e1f-a2b3-c4d5e6f7a8b9", "c3d9e1b7-4a28-4f65-8e0d-9b1f2a3c4d5e"
CHARGE, FAILED = "9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d", "0d4c3b2a-1f0e-4d9c-b8a7-6f5e4d3c2b1a"
MERCHANT = "3f1c6e0a-8b2d-4c57-9e41-7a5d2b9c8f60"
CLIENT_ID, CLIENT_SECRET = "kq7-this-is-the-client.apps.vivapayments.com", "this-is-the-client-secret"
API_KEY, ACCESS_TOKEN = "this-is-the-api-key", "eyJ-this-is-the-access-token"
NINETY_EUROS, THIRTY_EUROS = Money(9000, "EUR"), Money(3000, "EUR")


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


@cache
def identity_host() -> str:
    """Return the address of an identity host that grants a token to everybody; it runs as long as the tests do."""

    class Host(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(sample("token")).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def credentials(base_url: str, **more: str) -> dict[str, str]:
    return {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "merchant_id": MERCHANT,
        "api_key": API_KEY,
        "source_code": "Default",
        "environment": "test",
        "accounts_base_url": identity_host(),
        "api_base_url": f"{base_url}/viva/api",
        "www_base_url": f"{base_url}/viva/www",
        "timeout_seconds": "4",
        **more,
    }


def viva_at(base_url: str, **more: str) -> VivaGateway:
    return VivaGateway(credentials(base_url, **more))


def open_request(money: Money = NINETY_EUROS, **more: Any) -> OpenRequest:
    fields: dict[str, Any] = {
        "reference": "op-7Q2KMX4H",
        "idempotency_key": "op-7Q2KMX4H",
        "money": money,
        "return_url": "https://shop.example.com/return",
        "source": Source.ECOM,
        "captures_at_once": True,
        "expires_at": datetime.now(UTC) + timedelta(minutes=30),
        "country_code": "gb",
        "locale": "en-GB",
    }
    return OpenRequest(**{**fields, **more})


def charge_request(money: Money = NINETY_EUROS, **more: Any) -> ChargeRequest:
    fields: dict[str, Any] = {
        "reference": "tx-2M9DKR7C",
        "idempotency_key": "tx-2M9DKR7C",
        "money": money,
        "source": Source.ECOM,
        "captures_at_once": True,
        "card_token": PAYMENT,
        "shopper_reference": "c-1204",
        "requested_at": NOW,
    }
    return ChargeRequest(**{**fields, **more})


def complete_request(**more: Any) -> CompleteRequest:
    fields: dict[str, Any] = {
        "opening_reference": ORDER,
        "reference": "op-7Q2KMX4H",
        "money": NINETY_EUROS,
        "evidence": PAYMENT,
        "requested_at": NOW,
    }
    return CompleteRequest(**{**fields, **more})


def capture_request(money: Money = NINETY_EUROS, **more: Any) -> CaptureRequest:
    fields: dict[str, Any] = {
        "payment_reference": HOLD,
        "reference": "tx-5H3JAF8V",
        "idempotency_key": "tx-5H3JAF8V",
        "money": money,
        "requested_at": NOW,
    }
    return CaptureRequest(**{**fields, **more})


def void_request(**more: Any) -> VoidRequest:
    fields: dict[str, Any] = {
        "payment_reference": HOLD,
        "reference": "tx-8B6QYN2D",
        "idempotency_key": "tx-8B6QYN2D",
        "requested_at": NOW,
    }
    return VoidRequest(**{**fields, **more})


def refund_request(money: Money = THIRTY_EUROS, **more: Any) -> RefundRequest:
    fields: dict[str, Any] = {
        "payment_reference": PAYMENT,
        "reference": "tx-9W4TB6NE",
        "idempotency_key": "tx-9W4TB6NE",
        "money": money,
        "requested_at": NOW,
        "taken_reference": PAYMENT,
    }
    return RefundRequest(**{**fields, **more})


def delivery(message: Any) -> Delivery:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return Delivery(headers={"content-type": "application/json"}, body=body, received_at=NOW)


class VivaWorld(World):
    secrets = (CLIENT_SECRET, API_KEY, ACCESS_TOKEN, "Ada Byron", "ada@example.com", "+441234567890", "A1B2C3D4E5F6")

    def gateway(self, base_url: str) -> VivaGateway:
        return viva_at(base_url, timeout_seconds="0.6")

    def open_request(self, money: Money) -> OpenRequest:
        return open_request(money, email="ada@example.com")

    def charge_request(self, money: Money) -> ChargeRequest:
        return charge_request(money)

    def complete_request(self) -> CompleteRequest:
        return complete_request()

    def capture_request(self, money: Money) -> CaptureRequest:
        return capture_request(money)

    def void_request(self) -> VoidRequest:
        return void_request()

    def refund_request(self, money: Money) -> RefundRequest:
        return refund_request(money)

    def revoke_request(self) -> RevokeCardRequest:
        return RevokeCardRequest(card_token=PAYMENT, shopper_reference="c-1204")

    def fetch_reference(self) -> Reference:
        return Reference(gateway=PAYMENT)

    def tellable(self, money: Money) -> Money:
        """Viva counts nothing but currencies of two decimals; those stand for the others here."""
        return Money(money.minor, {"JPY": "HUF", "KWD": "RON"}.get(money.currency, money.currency))

    def amount_told(self, asked: Asked, money: Money) -> tuple[int, str]:
        if asked.method == "DELETE":
            query = {name: value for name, (value,) in parse_qs(urlsplit(asked.target).query).items()}
            amount, number = int(query["amount"]), query["currencyCode"]
        else:
            # A capture is in the currency of its hold and names none.
            amount, number = asked.json["amount"], asked.json.get("currencyCode", NUMBERS[money.currency])
        return amount, next(currency for currency, known in NUMBERS.items() if known == number)

    def refusals(self) -> list[Decline]:
        return [*(decline_of(event_id) for event_id in REFUSALS), decline_of(99_999), decline_of(None)]

    def answers(self) -> dict[str, tuple[int, Any]]:
        return {
            "open": (200, sample("order_created")),
            "charge": (200, sample("charged")),
            "complete": (200, sample("transaction_paid")),
            "capture": (200, sample("captured")),
            "void": (200, sample("voided")),
            "refund": (200, sample("refunded")),
        }

    def genuine(self) -> list[Delivery]:
        names = ("payment_created", "reversal_created", "payment_failed", "price_calculated", "order_updated")
        return [delivery(sample(f"webhook_{name}")) for name in names]

    def forged(self) -> list[Delivery]:
        good = sample("webhook_payment_created")
        elsewhere = "11111111-2222-4333-8444-555555555555"
        return [
            delivery(b"no json"),
            delivery([]),
            delivery({}),
            delivery({**good, "RecipientId": elsewhere}),
            delivery({**good, "RecipientId": None}),
            delivery({**good, "EventData": {**good["EventData"], "MerchantId": elsewhere}}),
            delivery({**good, "MessageId": "1"}),
            delivery({**good, "EventTypeId": "1796"}),
            delivery({**good, "EventData": None}),
        ]
