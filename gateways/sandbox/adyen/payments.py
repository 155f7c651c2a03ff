"""Attempts to pay: POST /payments, its 3-D Secure redirect, POST /payments/details; sessions use the same attempts."""

import base64
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from gateways.sandbox.adyen import modifications, notifications, refusals, requests
from gateways.sandbox.adyen.accounts import Account
from gateways.sandbox.adyen.books import CHALLENGES, Books, stamp
from gateways.sandbox.adyen.errors import ApiError, invalid
from gateways.sandbox.adyen.instruments import (
    ENCRYPTED,
    Instrument,
    decrypt,
    from_stored,
    read_card,
    with_requested_answer,
)
from gateways.sandbox.adyen.question import Question
from gateways.sandbox.adyen.refusals import Verdict
from gateways.sandbox.adyen.tokens import find_token, store_card, tokenization_data
from gateways.sandbox.adyen.validation import check
from gateways.sandbox.processor import Answer
from gateways.sandbox.store import Document

_VARIANTS = {"visa": "visastandardcredit", "mc": "mcstandardcredit"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an attempt is to pay, and how."""

    reference: str
    amount: Document
    return_url: str
    shopper_interaction: str
    shopper_reference: str = ""
    capture_delay_hours: int | None = None
    stores_card: bool = False
    session_id: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


def order_of(body: Document, *, stores_card: bool, session_id: str = "") -> Order:
    """Read the order out of a checked session or payment request."""
    return Order(
        reference=body["reference"],
        amount=dict(body["amount"]),
        return_url=body["returnUrl"],
        shopper_interaction=body.get("shopperInteraction", "Ecommerce"),
        shopper_reference=body.get("shopperReference", ""),
        capture_delay_hours=body.get("captureDelayHours"),
        stores_card=stores_card,
        session_id=session_id,
        metadata=dict(body.get("metadata", {})),
    )


def pay(books: Books, question: Question) -> Answer:
    """Answer POST /payments."""
    account = question.merchant()
    body = question.body
    check(body, requests.PAYMENT)
    check_origin(body.get("origin"))
    fields = body["paymentMethod"]
    if fields.get("type", "scheme") not in ("scheme", "card"):
        raise ApiError(500, "905", "Payment details are not supported", "configuration")
    if not account.raw_cards and fields.get("number"):
        raise ApiError(403, "010", "Not allowed", "security")
    stores_card = body.get("storePaymentMethod", False) or body.get("enableRecurring", False)
    if stores_card and not (body.get("shopperReference") and body.get("recurringProcessingModel")):
        raise invalid("139", "Recurring requires shopperReference and recurringProcessingModel")
    instrument = read_instrument(
        books,
        account=account,
        fields=fields,
        shopper_reference=body.get("shopperReference", ""),
        shopper_interaction=body.get("shopperInteraction", "Ecommerce"),
        additional_data=body.get("additionalData"),
    )
    payment = start(
        books,
        account=account,
        order=order_of(body, stores_card=stores_card),
        instrument=instrument,
        is_challenged=_is_challenged(body, instrument),
    )
    return Answer(status=200, body=shown(payment, origin=question.call.origin))


def read_instrument(
    books: Books,
    *,
    account: Account,
    fields: dict[str, Any],
    shopper_reference: str,
    shopper_interaction: str,
    additional_data: Any = None,
) -> Instrument:
    """Return the card of a request, typed, `test_`-encrypted or stored.

    :raises ApiError: the card cannot be, or the stored one is not this shopper's.
    """
    clear = decrypt(fields) if ENCRYPTED.keys() & fields.keys() or "encryptedCard" in fields else fields
    token_id = clear.get("storedPaymentMethodId") or clear.get("recurringDetailReference")
    if token_id:
        if not shopper_reference:
            raise invalid("180", "Required field 'shopperReference' is not provided.")
        token = find_token(books, account=account, shopper_reference=shopper_reference, token_id=token_id)
        instrument = from_stored(token, clear)
    else:
        instrument = read_card(clear, needs_cvc=shopper_interaction in ("Ecommerce", "POS"))
    return with_requested_answer(instrument, additional_data)


def start(
    books: Books, *, account: Account, order: Order, instrument: Instrument, is_challenged: bool = False
) -> Document:
    """Make an attempt. It is decided at once, unless the shopper must first pass a challenge."""
    delay = account.capture_delay_hours if order.capture_delay_hours is None else order.capture_delay_hours
    payment: Document = {
        "pspReference": books.new_reference(),
        "merchantAccount": account.merchant_account,
        "merchantReference": order.reference,
        "amount": order.amount,
        "authorizedAmount": None,
        "resultCode": "RedirectShopper",
        "refusalReason": "",
        "refusalReasonCode": "",
        "refusalReasonRaw": "",
        "authCode": "",
        "card": instrument.shown(),
        "variant": _VARIANTS.get(instrument.brand, instrument.brand),
        "sessionId": order.session_id,
        "returnUrl": order.return_url,
        "shopperReference": order.shopper_reference,
        "shopperInteraction": order.shopper_interaction,
        "metadata": order.metadata,
        "tokenization": {},
        "capturesAtOnce": delay == 0,
        "trigger": instrument.trigger,
        "authentication": "pending" if is_challenged else "none",
        "authorized": 0,
        "captured": 0,
        "released": 0,
        "cancelled": 0,
        "refunded": 0,
        "charged_back": 0,
        "modifications": [],
        "createdAt": stamp(time.time()),
    }
    verdict = instrument.verdict
    if order.stores_card and order.shopper_reference and verdict.is_authorized and instrument.stored_id is None:
        payment["storesCard"] = {"holderName": instrument.holder_name}
    if is_challenged:
        token = secrets.token_urlsafe(24)
        payment["challenge"] = token
        payment["decided"] = [verdict.code, verdict.reason, verdict.result_code, verdict.raw]
        books.store.put(CHALLENGES, token, {"pspReference": payment["pspReference"], "outcome": None})
        books.keep_payment(payment)
        return payment
    decide(books, payment, verdict)
    return payment


def decide(books: Books, payment: Document, verdict: Verdict) -> None:
    """Write down what the issuer said, capture where that was asked for, and tell the merchant."""
    account = books.account(payment["merchantAccount"])
    assert account is not None
    payment["resultCode"] = verdict.result_code
    payment["refusalReason"] = verdict.reason
    payment["refusalReasonCode"] = str(verdict.code) if verdict.reason else ""
    payment["refusalReasonRaw"] = verdict.raw
    if verdict.result_code == "Received":
        books.keep_payment(payment)
        return
    if verdict.is_authorized:
        value = payment["amount"]["value"]
        if verdict.code == refusals.PARTIALLY_APPROVED:
            value //= 2
        payment["authorizedAmount"] = {"currency": payment["amount"]["currency"], "value": value}
        payment["authorized"] = value
        payment["authCode"] = f"{secrets.randbelow(1_000_000):06d}"
        wish = payment.pop("storesCard", None)
        if wish is not None:
            card = payment["card"]
            instrument = Instrument(
                brand=card["brand"],
                last4=card["last4"],
                expiry_month=int(card["expiryMonth"]),
                expiry_year=int(card["expiryYear"]),
                holder_name=wish["holderName"],
                verdict=verdict,
                asks_3ds=False,
            )
            stored = store_card(
                books,
                account=account,
                shopper_reference=payment["shopperReference"],
                instrument=instrument,
                psp_reference=payment["pspReference"],
            )
            payment["tokenization"] = tokenization_data(stored)
    payment.pop("storesCard", None)
    books.keep_payment(payment)
    books.notify(notifications.authorisation(payment))
    if verdict.is_authorized and payment["capturesAtOnce"] and payment["authorized"] > 0:
        modifications.capture(
            books, payment, amount=payment["authorizedAmount"], tells_success=account.send_auto_capture
        )


def finish_challenge(books: Books, payment: Document, *, passed: bool) -> None:
    """Decide an attempt whose shopper came back from the challenge."""
    payment["authentication"] = "passed" if passed else "failed"
    verdict = Verdict(*payment.pop("decided"))
    payment.pop("challenge", None)
    decide(books, payment, verdict if passed else refusals.NOT_AUTHENTICATED)


def details(books: Books, question: Question) -> Answer:
    """Answer POST /payments/details, which ends a redirect. Each `redirectResult` works once."""
    check(question.body, requests.DETAILS)
    given = question.body["details"]
    if "redirectResult" not in given:
        raise ApiError(500, "905", "Payment details are not supported", "configuration")
    challenge = books.store.get(CHALLENGES, given["redirectResult"])
    if challenge is None or challenge["outcome"] is None:
        raise invalid("702", "The redirectResult is not valid, or has been used")
    payment = books.payment(challenge["pspReference"])
    question.merchant(payment["merchantAccount"])
    books.store.remove(CHALLENGES, given["redirectResult"])
    finish_challenge(books, payment, passed=challenge["outcome"] == "passed")
    return Answer(status=200, body=shown(payment, origin=question.call.origin))


def new_redirect_result(books: Books, payment: Document, *, passed: bool) -> str:
    """Remember how a challenge went, and return the value that the shopper brings back to the merchant."""
    books.store.remove(CHALLENGES, payment["challenge"])
    value = "X6Xtf" + base64.b64encode(secrets.token_bytes(64)).decode()
    outcome = "passed" if passed else "failed"
    books.store.put(CHALLENGES, value, {"pspReference": payment["pspReference"], "outcome": outcome})
    return value


def shown(payment: Document, *, origin: str) -> Document:
    """Return an attempt as /payments and /payments/details answer it."""
    card = payment["card"]
    body: Document = {
        "pspReference": payment["pspReference"],
        "resultCode": payment["resultCode"],
        "merchantReference": payment["merchantReference"],
        "paymentMethod": {"type": "scheme", "brand": card["brand"]},
    }
    if payment["resultCode"] == "RedirectShopper":
        body["action"] = {
            "type": "redirect",
            "method": "GET",
            "url": f"{origin}/adyen/3ds/{payment['challenge']}",
            "paymentMethodType": "scheme",
        }
        return body
    body["amount"] = dict(payment["authorizedAmount"] or payment["amount"])
    extra = {
        "cardSummary": card["last4"],
        "expiryDate": f"{int(card['expiryMonth'])}/{card['expiryYear']}",
        "paymentMethod": card["brand"],
        "paymentMethodVariant": payment["variant"],
        "refusalReasonRaw": payment["refusalReasonRaw"],
        "merchantReference": payment["merchantReference"],
        **payment["tokenization"],
    }
    if payment["authCode"]:
        extra["authCode"] = payment["authCode"]
    if payment["authentication"] == "passed":
        extra.update({"threeDAuthenticated": "true", "threeDSVersion": "2.2.0", "liabilityShift": "true"})
    body["additionalData"] = extra
    if payment["refusalReason"]:
        body["refusalReason"] = payment["refusalReason"]
        body["refusalReasonCode"] = payment["refusalReasonCode"]
    return body


def check_origin(origin: str | None) -> None:
    """Check `origin`: scheme, host and port and nothing behind them."""
    if origin is None:
        return
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query or parts.fragment:
        raise invalid("702", "Field 'origin' is not valid: scheme and host only, without a trailing slash.")


def _is_challenged(body: Document, instrument: Instrument) -> bool:
    if body.get("shopperInteraction", "Ecommerce") != "Ecommerce" or instrument.stored_id is not None:
        return False
    attempt = body.get("authenticationData", {}).get("attemptAuthentication")
    return attempt == "always" or (instrument.asks_3ds and attempt != "never")
