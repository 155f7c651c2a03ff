"""What the tests know of Spreedly: examples of every reference and request, and how callbacks are signed."""

import hashlib
import hmac
import json
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import gateways.adapters.spreedly
from gateways.adapters.spreedly.calls import Problem
from gateways.adapters.spreedly.gateway import SpreedlyGateway
from gateways.adapters.spreedly.refusals import REFUSALS, decline_of, decline_of_problems
from gateways.protocol import ChargeRequest, Decline, Delivery
from money import Money
from tests.gateways.examples import NINETY_EUROS, NOW, Examples, samples_of
from tests.gateways.world import World

ENVIRONMENT_KEY, ACCESS_SECRET = "EN5vQz8kTcWmYrXbJdHsGfLpA2u", "the-access-secret-of-tours"
GATEWAY_TOKEN, CERTIFICATE_TOKEN = "GW2hLkPq9sTzXcVbNm4RfJyDaE7", "CE7rTfIcAtE0fToUrSxYzAbCdE1"
SIGNING_SECRET, OLDER_SIGNING_SECRET = "the-signing-secret-of-tours", "the-older-signing-secret"
CALLBACK_URL = "https://pay.example.com/webhooks/spreedly-eu/"
PAYMENT, CARD = "TX8qYwB4nRk6ZcV1mDsJhUeFxG2", "PM3nT8vKcQ5wYxZ2sRfGhJkLaB1"
EXAMPLES = Examples(opening="op-7Q2KMX4H", payment=PAYMENT, card=CARD, evidence=PAYMENT)
open_request = EXAMPLES.open_request
complete_request = EXAMPLES.complete_request
capture_request = EXAMPLES.capture_request
void_request = EXAMPLES.void_request
refund_request = EXAMPLES.refund_request
kept_card_request = EXAMPLES.charge_request
sample = samples_of(gateways.adapters.spreedly)
SIGNED_FIELDS = (
    "amount callback_url created_at currency_code ip on_test_gateway order_id state succeeded token "
    "transaction_type updated_at"
)


@cache
def private_key() -> str:
    """Return an RSA key as Spreedly's guide makes it, only smaller."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def credentials(base_url: str, **more: str) -> dict[str, str]:
    return {
        "environment_key": ENVIRONMENT_KEY,
        "access_secret": ACCESS_SECRET,
        "gateway_token": GATEWAY_TOKEN,
        "signing_secrets": f"{SIGNING_SECRET}, {OLDER_SIGNING_SECRET}",
        "certificate_token": CERTIFICATE_TOKEN,
        "certificate_private_key": private_key(),
        "attempt_3dsecure": "true",
        "callback_url": CALLBACK_URL,
        "environment": "test",
        "api_base_url": f"{base_url}/spreedly/v1",
        "browser_base_url": f"{base_url}/spreedly/iframe/",
        "timeout_seconds": "4",
        **more,
    }


def spreedly_at(base_url: str, **more: str) -> SpreedlyGateway:
    return SpreedlyGateway(credentials(base_url, **more))


def charge_request(money: Money = NINETY_EUROS, **more: Any) -> ChargeRequest:
    """Return the charge of a card that a guest has just entered, in an Opening, who lets it be kept."""
    fields = {
        "card_token": None,
        "payment_token": CARD,
        "stores_card": True,
        "opening_reference": "op-7Q2KMX4H",
        "return_url": "https://shop.example.com/return",
    }
    return EXAMPLES.charge_request(money, **{**fields, **more})


def transaction(**more: Any) -> dict[str, Any]:
    """Return what a callback says of a charge, unsigned."""
    return {**sample("callback")["transactions"][0], **more}


def signed_one(
    unsigned: dict[str, Any],
    *,
    secret: str = SIGNING_SECRET,
    fields: str = SIGNED_FIELDS,
    algorithm: str = "sha1",
) -> dict[str, Any]:
    """Sign as Spreedly documents it: the named values, joined by bars."""
    spelled = {None: "", True: "true", False: "false"}
    values = [unsigned.get(name) for name in fields.split()]
    text = "|".join(spelled[one] if one is None or isinstance(one, bool) else str(one) for one in values)
    signature = hmac.new(secret.encode(), text.encode(), getattr(hashlib, algorithm)).hexdigest()
    return {**unsigned, "signed": {"signature": signature, "fields": fields, "algorithm": algorithm}}


def signed(*transactions: dict[str, Any], **how: Any) -> Delivery:
    return delivery({"transactions": [signed_one(each, **how) for each in transactions]})


def signed_xml(*transactions: dict[str, Any], **how: Any) -> Delivery:
    parts = "".join(_element("transaction", signed_one(each, **how)) for each in transactions)
    return delivery(f'<?xml version="1.0" encoding="UTF-8"?><transactions>{parts}</transactions>'.encode())


def delivery(message: Any) -> Delivery:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return Delivery(headers={}, body=body, received_at=NOW)


def _element(name: str, value: Any) -> str:
    match value:
        case dict():
            return f"<{name}>{''.join(_element(each, inner) for each, inner in value.items())}</{name}>"
        case None:
            return f'<{name} nil="true"></{name}>'
        case bool():
            return f'<{name} type="boolean">{str(value).lower()}</{name}>'
        case int():
            return f'<{name} type="integer">{value}</{name}>'
        case list():
            return f'<{name} type="array"/>'
        case _:
            return f"<{name}>{escape(value)}</{name}>"


def changed(name: str, **more: Any) -> dict[str, Any]:
    return {"transaction": {**sample(name)["transaction"], **more}}


class SpreedlyWorld(World):
    examples = EXAMPLES

    @property
    def secrets(self) -> tuple[str, ...]:  # type: ignore[override]
        body = private_key().splitlines()[1]
        names = ("Ada Byron", "ada@example.com", "the browser")
        return (ACCESS_SECRET, SIGNING_SECRET, OLDER_SIGNING_SECRET, GATEWAY_TOKEN, CARD, body, *names)

    def gateway(self, base_url: str, **more: str) -> SpreedlyGateway:
        return spreedly_at(base_url, **more)

    def charge_request(self, money: Money) -> ChargeRequest:
        return charge_request(money, browser_info="the browser")

    def told_amount(self, body: Any) -> tuple[int, str]:
        told = body["transaction"]
        # "0-decimal currencies should have the implicit decimal shifted two digits."
        hundredths = told["currency_code"] == "JPY"
        return told["amount"] // 100 if hundredths else told["amount"], told["currency_code"]

    def refusals(self) -> list[Decline]:
        reasons = [*REFUSALS, "something_new", ""]
        normalized = [
            decline_of({"gateway_response": {"payment_outcome_data": {"failure_reason": one}}}) for one in reasons
        ]
        attributes = ("number", "verification_value", "month", "year", "first_name", "last_name", "full_name")
        stopped = [
            decline_of_problems((Problem(key=key, attribute=attribute),))
            for attribute in attributes
            for key in ("errors.blank", "errors.invalid", "errors.expired")
        ]
        gone = decline_of_problems((Problem(key="errors.payment_method_not_found"),))
        return [*normalized, *(one for one in (*stopped, gone) if one is not None)]

    def answers(self) -> dict[str, tuple[int, Any]]:
        return {
            "charge": (200, sample("purchase_succeeded")),
            "complete": (200, sample("purchase_completed")),
            "capture": (200, sample("capture_succeeded")),
            "void": (200, sample("void_succeeded")),
            "refund": (200, sample("credit_succeeded")),
            "revoke_card": (200, sample("card_redacted")),
        }

    def genuine(self) -> list[Delivery]:
        declined = transaction(succeeded=False, state="gateway_processing_failed", token="TXdEcL1nEd5yHn7UjMk9IlOpQwE")
        return [
            signed(transaction()),
            signed(transaction(updated_at="2026-11-21T08:58:40Z", succeeded=False, state="pending")),
            signed(declined, secret=OLDER_SIGNING_SECRET),
            signed(transaction(token="TXsHa2Qw7mEr5TyUiOpLkJhGfD3"), algorithm="sha256"),
            signed_xml(transaction(token="TXxM1Qw7mEr5TyUiOpLkJhGfD34"), declined),
            signed(transaction(transaction_type="Verification")),
        ]

    def forged(self) -> list[Delivery]:
        good = signed(transaction())
        unsigned = transaction()
        return [
            Delivery(headers={}, body=good.body.replace(b"9000", b"9001"), received_at=NOW),
            Delivery(headers={}, body=good.body.replace(b'"EUR"', b'"JPY"'), received_at=NOW),
            signed(transaction(), secret="another secret"),
            delivery({"transactions": [unsigned]}),
            delivery({"transactions": [signed_one(unsigned), unsigned]}),
            delivery(b"no json"),
            delivery(b"<transactions><transaction>"),
            delivery({}),
            delivery({"transactions": []}),
        ]
