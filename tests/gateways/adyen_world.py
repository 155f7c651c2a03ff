"""What the tests know of Adyen: examples of every reference and request, and how deliveries are signed."""

import base64
import json
from pathlib import Path
from typing import Any

from Adyen.util import generate_notification_sig, generate_payload_sig  # type: ignore[import-untyped]

import gateways.adapters.adyen
from gateways.adapters.adyen.gateway import AdyenGateway
from gateways.adapters.adyen.refusals import CARD_ERRORS, REFUSALS, decline_of
from gateways.protocol import (
    BillingAddress,
    BrowserInfo,
    ChargeRequest,
    CompleteRequest,
    Decline,
    Delivery,
    EncryptedCard,
    RawCard,
    Shopper,
)
from money import Money
from tests.gateways.examples import NOW, Examples, samples_of
from tests.gateways.world import World

SPECIFICATIONS = Path(__file__).resolve().parents[2].parent / "shared" / "specs" / "adyen"
PAYMENT, SESSION, TOKEN = "QFQTPCQ8HXSKGK82", "CS7B2F0E91D4A66C358E", "M5N7TQ4TG5PFWR50"
EVIDENCE = "X3XtfGC9!H4sIAAAA/wACA+4=="
API_KEY = "AQE-this-is-the-api-key"
HMAC_KEY, OLDER_HMAC_KEY = "AB12" * 16, "CD34" * 16
USER, PASSWORD = "tours-webhooks", "correct horse battery"
EXAMPLES = Examples(opening=SESSION, payment=PAYMENT, card=TOKEN, evidence=EVIDENCE)
open_request = EXAMPLES.open_request
charge_request = EXAMPLES.charge_request
complete_request = EXAMPLES.complete_request
capture_request = EXAMPLES.capture_request
void_request = EXAMPLES.void_request
refund_request = EXAMPLES.refund_request
sample = samples_of(gateways.adapters.adyen)
ENCRYPTED_CARD = EncryptedCard(
    number="test_4111111111111111",
    expiry_month="test_03",
    expiry_year="test_2030",
    security_code="test_737",
    holder_name="Ada Byron",
)
RAW_CARD = RawCard(number="4111111111111111", expiry_month="03", expiry_year="2030", cvc="737", holder_name="Ada Byron")
SHOPPER = Shopper(
    origin="https://shop.example.com",
    ip="192.0.2.7",
    email="ada@example.com",
    billing_address=BillingAddress(
        street="Infinite Loop", house_number="1", city="Cupertino", postal_code="95014", country="us", state="CA"
    ),
    browser=BrowserInfo(
        user_agent="Mozilla/5.0",
        accept_header="*/*",
        language="en-US",
        color_depth=24,
        screen_height=720,
        screen_width=1536,
        time_zone_offset=-60,
    ),
)
PROOF = {"redirectResult": "X6XtfGC3!aProofOfTheBank"}


def credentials(base_url: str, **more: str) -> dict[str, str]:
    return {
        "api_key": API_KEY,
        "merchant_account": "ToursEU",
        "client_key": "test_CLIENTKEY",
        "hmac_keys": f"{HMAC_KEY}, {OLDER_HMAC_KEY}",
        "webhook_user": USER,
        "webhook_password": PASSWORD,
        "environment": "test",
        "live_prefix": "",
        "checkout_base_url": f"{base_url}/adyen/v72",
        "timeout_seconds": "4",
        **more,
    }


def adyen_at(base_url: str, **more: str) -> AdyenGateway:
    return AdyenGateway(credentials(base_url, **more))


def card_request(card: EncryptedCard | RawCard = ENCRYPTED_CARD, **more: Any) -> ChargeRequest:
    guest = {"shopper": SHOPPER, "return_url": "https://shop.example.com/return"}
    return charge_request(**{"card_token": None, "shopper_reference": "", "card": card, **guest, **more})


def proof_request(**more: Any) -> CompleteRequest:
    fields: dict[str, Any] = {
        "reference": "tx-2M9DKR7C",
        "money": Money(9000, "EUR"),
        "proof": PROOF,
        "idempotency_key": "tx-2M9DKR7C-0a1b2c3d4e5f60718293",
        "requested_at": NOW,
    }
    return CompleteRequest(**{**fields, **more})


def item(event_code: str = "AUTHORISATION", **more: Any) -> dict[str, Any]:
    """Compose a webhook item; `additional` goes into additionalData, a field of None is left out."""
    additional = more.pop("additional", {})
    fields = {
        "eventCode": event_code,
        "pspReference": PAYMENT if event_code in ("AUTHORISATION", "EXPIRE", "OFFER_CLOSED") else "WS8MZ2RFJGXXGN82",
        "originalReference": None if event_code in ("AUTHORISATION", "EXPIRE", "OFFER_CLOSED") else PAYMENT,
        "merchantAccountCode": "ToursEU",
        "merchantReference": "op-7Q2KMX4H",
        "amount": {"currency": "EUR", "value": 9000},
        "eventDate": "2026-11-21T09:42:10+01:00",
        "success": "true",
        "reason": "",
        "paymentMethod": "visa",
        **more,
    }
    return {**{name: value for name, value in fields.items() if value is not None}, "additionalData": additional}


def signed(*items: dict[str, Any], key: str = HMAC_KEY, live: str = "false", **more: str) -> Delivery:
    """Wrap items into a delivery with every item signed."""
    wrapped = []
    for unsigned in items:
        additional = {**(unsigned.get("additionalData") or {})}
        bare = {name: "" if value is None else value for name, value in unsigned.items() if name != "additionalData"}
        additional["hmacSignature"] = generate_notification_sig(bare, key).decode()
        wrapped.append({"NotificationRequestItem": {**unsigned, "additionalData": additional}})
    return delivery({"live": live, "notificationItems": wrapped}, **more)


def signed_whole(message: Any, *, key: str = HMAC_KEY, **more: str) -> Delivery:
    """Make a delivery signed in a header over its body."""
    body = json.dumps(message).encode()
    return delivery(body, hmacsignature=generate_payload_sig(body, key).decode(), **more)


def delivery(message: Any, **headers: str) -> Delivery:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    authorization = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    return Delivery(headers={"authorization": authorization, **headers}, body=body, received_at=NOW)


class AdyenWorld(World):
    examples = EXAMPLES
    secrets = (API_KEY, HMAC_KEY, OLDER_HMAC_KEY, PASSWORD, TOKEN, EVIDENCE, "opaque", "Ada Byron", "ada@example.com")

    def gateway(self, base_url: str, **more: str) -> AdyenGateway:
        return adyen_at(base_url, **more)

    def told_amount(self, body: Any) -> tuple[int, str]:
        return body["amount"]["value"], body["amount"]["currency"]

    def refusals(self) -> list[Decline]:
        codes = [decline_of(str(code), REFUSALS[str(code)][0]) for code in range(47)]
        return [*codes, *(Decline(code=code) for code in CARD_ERRORS.values()), decline_of("9999", "Something new")]

    def answers(self) -> dict[str, tuple[int, Any]]:
        received = sample("refund_received")
        return {
            "open": (201, sample("session_created")),
            "charge": (200, sample("payment_authorised")),
            "complete": (200, sample("session_completed")),
            "capture": (201, received),
            "void": (201, received),
            "refund": (201, received),
            "revoke_card": (204, b""),
        }

    def genuine(self) -> list[Delivery]:
        authorisation = sample("webhook_authorisation")["notificationItems"][0]["NotificationRequestItem"]
        return [
            signed(authorisation),
            signed(item("CAPTURE")),
            signed(item("REFUND", success="false", reason="Transaction hasn't been captured, refund not possible")),
            signed(item("CHARGEBACK"), key=OLDER_HMAC_KEY),
            signed_whole(sample("webhook_token_created")),
        ]

    def forged(self) -> list[Delivery]:
        good = signed(item())
        whole = signed_whole(sample("webhook_token_created"))
        return [
            Delivery(headers={}, body=good.body, received_at=NOW),
            Delivery(headers=good.headers, body=good.body.replace(b"9000", b"9001"), received_at=NOW),
            signed(item(), key="EF56" * 16),
            delivery({"live": "false", "notificationItems": [{"NotificationRequestItem": item()}]}),
            delivery(b"no json"),
            delivery({}),
            Delivery(headers=whole.headers, body=whole.body + b" ", received_at=NOW),
        ]
