"""What the tests know of Viva: examples of every reference, request, answer and delivery."""

import http.server
import json
import threading
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import gateways.adapters.viva
from gateways.adapters.viva.currencies import NUMBERS
from gateways.adapters.viva.gateway import VivaGateway
from gateways.adapters.viva.refusals import REFUSALS, decline_of
from gateways.protocol import Decline, Delivery, OpenRequest
from money import Money
from tests.gateways.examples import NINETY_EUROS, NOW, Examples, samples_of
from tests.gateways.scripted_server import Asked
from tests.gateways.world import World

ORDER = "4201736414972602"
PAYMENT, REFUND = "7b0a9d5e-2f7c-4a11-9d9e-0b6f7f1d2c33", "1f4c8a52-6d0e-4b7b-9a34-5c2e8d7f6a10"
HOLD, CAPTURE = "5e8f7a6b-3c4d-4e1f-a2b3-c4d5e6f7a8b9", "c3d9e1b7-4a28-4f65-8e0d-9b1f2a3c4d5e"
CHARGE, FAILED = "9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d", "0d4c3b2a-1f0e-4d9c-b8a7-6f5e4d3c2b1a"
MERCHANT = "3f1c6e0a-8b2d-4c57-9e41-7a5d2b9c8f60"
CLIENT_ID, CLIENT_SECRET = "kq7-this-is-the-client.apps.vivapayments.com", "this-is-the-client-secret"
API_KEY, ACCESS_TOKEN = "this-is-the-api-key", "eyJ-this-is-the-access-token"
EXAMPLES = Examples(opening=ORDER, payment=PAYMENT, held=HOLD, card=PAYMENT, evidence=PAYMENT)
charge_request = EXAMPLES.charge_request
complete_request = EXAMPLES.complete_request
capture_request = EXAMPLES.capture_request
void_request = EXAMPLES.void_request
refund_request = EXAMPLES.refund_request
sample = samples_of(gateways.adapters.viva)


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
    """Viva is told how many seconds an order has, so that it must end in the future."""
    return EXAMPLES.open_request(money, **{"expires_at": datetime.now(UTC) + timedelta(minutes=30), **more})


def delivery(message: Any) -> Delivery:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return Delivery(headers={"content-type": "application/json"}, body=body, received_at=NOW)


class VivaWorld(World):
    examples = EXAMPLES
    secrets = (CLIENT_SECRET, API_KEY, ACCESS_TOKEN, "Ada Byron", "ada@example.com", "+441234567890", "A1B2C3D4E5F6")

    def gateway(self, base_url: str, **more: str) -> VivaGateway:
        return viva_at(base_url, **more)

    def open_request(self, money: Money) -> OpenRequest:
        return open_request(money, email="ada@example.com")

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
