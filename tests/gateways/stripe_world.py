"""What the tests know of Stripe: examples of every reference and request, and how deliveries are signed."""

import dataclasses
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qsl

import gateways.adapters.stripe
from gateways.adapters.stripe.calls import API_VERSION
from gateways.adapters.stripe.gateway import StripeGateway
from gateways.adapters.stripe.refusals import REFUSALS, decline_of, decline_of_charge
from gateways.protocol import Decline, Delivery, Reference
from money import Money
from tests.gateways.examples import NOW, Examples, samples_of
from tests.gateways.scripted_server import Asked
from tests.gateways.world import World

INTENT, CHARGE = "pi_3SXkQ2C8dFh1Ju0p1rNq5GzB", "ch_3SXkQ2C8dFh1Ju0p0aVbLm7T"
CUSTOMER, CARD = "cus_TUk3pQ9LzXw2Rb", "pm_1SWcE8C8dFh1Ju0pRk2NsV4h"
TOKEN = f"{CUSTOMER}:{CARD}"
# The account's name is in its keys, as in real ones.
SECRET_KEY = "sk_test_51C8dFh1Ju0pTours1aB2cD3eF4gH5iJ6kL7mN8oP9"
PUBLISHABLE_KEY = "pk_test_51C8dFh1Ju0pTours1zY2xW3vU4tS"
WEBHOOK_SECRET, OLDER_WEBHOOK_SECRET = "whsec_newer0123456789", "whsec_older0123456789"
EXAMPLES = Examples(opening=INTENT, payment=INTENT, card=TOKEN)
open_request = EXAMPLES.open_request
charge_request = EXAMPLES.charge_request
complete_request = EXAMPLES.complete_request
capture_request = EXAMPLES.capture_request
void_request = EXAMPLES.void_request
refund_request = EXAMPLES.refund_request
sample = samples_of(gateways.adapters.stripe)


def credentials(base_url: str, **more: str) -> dict[str, str]:
    return {
        "secret_key": SECRET_KEY,
        "publishable_key": PUBLISHABLE_KEY,
        "webhook_secrets": f"{WEBHOOK_SECRET}, {OLDER_WEBHOOK_SECRET}",
        "environment": "test",
        "api_base_url": f"{base_url}/stripe",
        "timeout_seconds": "4",
        **more,
    }


def stripe_at(base_url: str, **more: str) -> StripeGateway:
    return StripeGateway(credentials(base_url, **more))


def form(asked: Asked) -> dict[str, str]:
    """Return what was asked: the fields of the body, or of the query."""
    text = asked.body.decode() if asked.method == "POST" else asked.target.partition("?")[2]
    return dict(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)))


def event(kind: str, thing: Any, *, at: int = 1795251731, **more: Any) -> dict[str, Any]:
    """Compose an event; `before` are its previous attributes."""
    content = {"object": thing}
    if (before := more.pop("before", None)) is not None:
        content["previous_attributes"] = before
    return {
        "id": f"evt_{hashlib.sha256(f'{kind}{thing}{at}'.encode()).hexdigest()[:24]}",
        "object": "event",
        "api_version": API_VERSION,
        "created": at,
        "data": content,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        **more,
    }


def signature(body: bytes, *, secret: str = WEBHOOK_SECRET, at: float | None = None) -> str:
    """Sign a body as Stripe documents it, without its library."""
    moment = int(NOW.timestamp() if at is None else at)
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def signed(message: Any, *, secret: str = WEBHOOK_SECRET, at: float | None = None) -> Delivery:
    """Make a delivery of an event, or of bytes as they are."""
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return delivery(body, signature(body, secret=secret, at=at))


def delivery(body: bytes, header: str) -> Delivery:
    return Delivery(headers={"stripe-signature": header}, body=body, received_at=NOW)


def refusal(code: str = "", *, intent: Any = None, **more: Any) -> dict[str, Any]:
    error = {"type": "invalid_request_error", "code": code, "message": "No.", **more}
    return {"error": {**error, "payment_intent": intent} if intent else error}


def card_error(code: str = "card_declined", **more: Any) -> dict[str, Any]:
    error = sample("card_error")["error"]
    error.pop("decline_code")
    error.pop("advice_code")
    return {"error": {**error, "code": code, **more}}


class StripeWorld(World):
    examples = EXAMPLES
    secrets = (
        SECRET_KEY,
        WEBHOOK_SECRET,
        OLDER_WEBHOOK_SECRET,
        TOKEN,
        CARD,
        "_secret_opaque",
        "Ada Byron",
        "ada@example.com",
    )

    def gateway(self, base_url: str, **more: str) -> StripeGateway:
        return stripe_at(base_url, **more)

    def fetch_reference(self) -> Reference:
        return Reference(payment=INTENT)

    def tellable(self, money: Money) -> Money:
        """Return it with the last of three decimals 0, which is all that Stripe takes."""
        return Money(money.minor // 10 * 10, money.currency) if money.currency == "KWD" else money

    def amount_told(self, asked: Asked, money: Money) -> tuple[int, str]:
        """A capture and a refund are in the currency of their intent, and name none."""
        fields = form(asked)
        told = fields.get("amount_to_capture") or fields["amount"]
        return int(told), fields.get("currency", money.currency.lower()).upper()

    def refusals(self) -> list[Decline]:
        declines = [decline_of({"code": "card_declined", "decline_code": code}) for code in REFUSALS]
        codes = [decline_of({"code": code}) for code in (*REFUSALS, "card_declined", "something_new")]
        charges = [
            decline_of_charge({"failure_code": "card_declined", "outcome": {"type": "issuer_declined", "reason": code}})
            for code in (*REFUSALS, "something_new")
        ]
        return [*declines, *codes, *charges]

    def answers(self) -> dict[str, tuple[int, Any]]:
        return {
            "open": (200, sample("intent_created")),
            "charge": (200, sample("intent_charged")),
            "complete": (200, sample("intent_succeeded")),
            "capture": (200, sample("intent_captured")),
            "void": (200, sample("intent_canceled")),
            "refund": (200, sample("refund_succeeded")),
            "revoke_card": (200, sample("payment_method_detached")),
        }

    def genuine(self) -> list[Delivery]:
        gone = event("payment_method.detached", sample("payment_method_detached"), before={"customer": CUSTOMER})
        return [
            signed(sample("event_charge_succeeded")),
            signed(event("payment_intent.succeeded", {**sample("intent_succeeded"), "latest_charge": CHARGE})),
            signed(event("refund.created", sample("refund_succeeded")), secret=OLDER_WEBHOOK_SECRET),
            signed(sample("event_dispute_created")),
            signed(gone),
            signed(event("payment_method.attached", sample("payment_method_detached"))),
            signed(event("something.new", {"id": "new_1", "object": "novelty"})),
        ]

    def forged(self) -> list[Delivery]:
        good = signed(sample("event_charge_succeeded"))
        header = good.headers["stripe-signature"]
        return [
            Delivery(headers={}, body=good.body, received_at=NOW),
            dataclasses.replace(good, body=good.body.replace(b"9000", b"9001")),
            delivery(good.body, header.replace("v1=", "v0=")),
            delivery(good.body, header.replace("t=", "t=1")),
            signed(sample("event_charge_succeeded"), secret="whsec_of_somebody_else"),
            signed(sample("event_charge_succeeded"), at=NOW.timestamp() - 301),
            signed(sample("event_charge_succeeded"), at=NOW.timestamp() + 301),
            signed({**sample("event_charge_succeeded"), "livemode": True}),
            signed({**sample("event_charge_succeeded"), "account": "acct_1somebodyelse"}),
            signed({**sample("event_charge_succeeded"), "object": "v2.core.event"}),
            signed(b"no json"),
            signed(b"\xff\xfe"),
            signed({}),
        ]
