"""An attempt to pay an intent: what the card, its bank and the cardholder make of it."""

import secrets
import time
from typing import Any

from gateways.sandbox.store import Document
from gateways.sandbox.stripe import disputes, objects
from gateways.sandbox.stripe.books import CHALLENGES, CHARGES, INTENTS, METHODS, Books
from gateways.sandbox.stripe.cards import Behavior
from gateways.sandbox.stripe.errors import unexpected_state
from gateways.sandbox.stripe.methods import attach, behavior_of, card_error

PAYABLE = ("requires_payment_method", "requires_confirmation")
ASKS_FOR_THE_GUEST = Behavior(
    name="authentication_required", code="card_declined", decline_code="authentication_required"
)
_NOT_AUTHENTICATED = "payment_intent_authentication_failure"


def attempt(
    books: Books,
    intent: Document,
    method: Document,
    *,
    origin: str,
    is_off_session: bool = False,
    may_challenge: bool = True,
    return_url: str = "",
) -> None:
    """Let a card pay an intent: it is paid, refused, or waits for the cardholder.

    Without `may_challenge` the cardholder passes whatever the bank asks.

    :raises ApiError: the intent is in no state to be paid.
    """
    api, behavior = intent["api"], behavior_of(method)
    if api["status"] not in PAYABLE:
        raise unexpected_state(api, "confirmed")
    asks = (
        behavior.asks == "always"
        or (behavior.asks == "unless_set_up" and not method["is_set_up"])
        or (behavior.asks == "on_session" and not is_off_session)
    )
    if asks and is_off_session:
        _decline(books, intent, method, ASKS_FOR_THE_GUEST)
        return
    if asks and may_challenge:
        _ask_for_the_guest(books, intent, method, origin=origin, return_url=return_url)
        return
    decide(books, intent, method, is_authenticated=asks)


def decide(books: Books, intent: Document, method: Document, *, is_authenticated: bool) -> None:
    """Let the bank say yes or no, and tell."""
    behavior = behavior_of(method)
    if behavior.code:
        _decline(books, intent, method, behavior)
        return
    outcome = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "normal",
        "risk_score": 12,
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    api = intent["api"]
    charge = _new_charge(books, intent, method, outcome=outcome, failure=None)
    if is_authenticated:
        charge["api"]["payment_method_details"]["card"]["three_d_secure"] = _authenticated()
    api.update({"payment_method": method["api"]["id"], "last_payment_error": None, "next_action": None})
    if api["setup_future_usage"] and api["customer"] and method["api"]["customer"] is None:
        method["is_set_up"] = is_authenticated or behavior.asks == ""
        attach(books, method, api["customer"])
    is_sale = api["capture_method"] != "manual"
    if is_sale:
        take(books, charge, api["amount"])
        api.update({"status": "succeeded", "amount_received": api["amount"]})
    else:
        api.update({"status": "requires_capture", "amount_capturable": api["amount"]})
    books.keep(CHARGES, charge)
    books.keep(INTENTS, intent)
    books.tell("charge.succeeded", charge)
    books.tell("payment_intent.succeeded" if is_sale else "payment_intent.amount_capturable_updated", intent)
    if is_sale and behavior.dispute:
        disputes.open_dispute(books, intent, reason=behavior.dispute)


def take(books: Books, charge: Document, amount: int) -> None:
    """Book the money of a charge; what is not taken of it is released."""
    charge["api"].update({"captured": True, "amount_captured": amount, "balance_transaction": books.new_id("txn")})


def finish_challenge(books: Books, token: str, *, passed: bool) -> Document | None:
    """Decide an attempt whose cardholder came back from the bank, and return the intent; None when it is over."""
    challenge = books.store.get(CHALLENGES, token)
    if challenge is None:
        return None
    books.store.remove(CHALLENGES, token)
    intent, method = books.find(INTENTS, challenge["intent"]), books.find(METHODS, challenge["method"])
    if intent["api"]["status"] != "requires_action":
        return intent
    intent["api"].update({"status": "requires_confirmation", "next_action": None})
    if passed:
        decide(books, intent, method, is_authenticated=True)
    else:
        _fail_authentication(books, intent, method)
    return intent


def error_of(intent: Document) -> Any:
    """Return the error that an attempt which was refused is answered with.

    :raises KeyError: it was not refused.
    """
    error = {**intent["api"]["last_payment_error"]}
    kept = {name: error[name] for name in ("charge", "advice_code", "payment_method") if error.get(name)}
    behavior = Behavior(name="", code=error["code"], decline_code=error.get("decline_code") or "")
    return card_error(behavior, payment_intent=intent["api"], **kept)


def _ask_for_the_guest(books: Books, intent: Document, method: Document, *, origin: str, return_url: str) -> None:
    token = secrets.token_urlsafe(24)
    books.store.put(
        CHALLENGES,
        token,
        {"intent": intent["api"]["id"], "method": method["api"]["id"], "return_url": return_url},
    )
    intent["api"].update(
        {
            "status": "requires_action",
            "payment_method": method["api"]["id"],
            "next_action": {
                "type": "redirect_to_url",
                "redirect_to_url": {"url": f"{origin}/stripe/3ds/{token}", "return_url": return_url or None},
            },
        }
    )
    books.keep(INTENTS, intent)
    books.tell("payment_intent.requires_action", intent)


def _decline(books: Books, intent: Document, method: Document, behavior: Behavior) -> None:
    is_blocked = behavior.is_blocked
    outcome = {
        "advice_code": behavior.advice_code or None,
        "network_advice_code": None,
        "network_decline_code": None if is_blocked else "05",
        "network_status": "not_sent_to_network" if is_blocked else "declined_by_network",
        "reason": "highest_risk_level" if is_blocked else behavior.decline_code or behavior.code,
        "risk_level": "highest" if is_blocked else "normal",
        "risk_score": 95 if is_blocked else 12,
        "seller_message": "Stripe blocked this payment." if is_blocked else "The bank declined the payment.",
        "type": "blocked" if is_blocked else "issuer_declined",
    }
    charge = _new_charge(books, intent, method, outcome=outcome, failure=(behavior.code, behavior.message))
    error: Document = {
        "charge": charge["api"]["id"],
        "code": behavior.code,
        "doc_url": f"https://stripe.com/docs/error-codes/{behavior.code.replace('_', '-')}",
        "message": behavior.message,
        "payment_method": dict(method["api"]),
        "type": "card_error",
    }
    if behavior.decline_code:
        error["decline_code"] = behavior.decline_code
    if behavior.advice_code:
        error["advice_code"] = behavior.advice_code
    intent["api"].update(
        {
            "status": "requires_payment_method",
            "payment_method": None,
            "next_action": None,
            "last_payment_error": error,
        }
    )
    books.keep(CHARGES, charge)
    books.keep(INTENTS, intent)
    books.tell("charge.failed", charge)
    books.tell("payment_intent.payment_failed", intent)


def _fail_authentication(books: Books, intent: Document, method: Document) -> None:
    """Refuse an attempt whose cardholder could not prove who they are: no charge is made."""
    intent["api"].update(
        {
            "status": "requires_payment_method",
            "payment_method": None,
            "last_payment_error": {
                "code": _NOT_AUTHENTICATED,
                "doc_url": f"https://stripe.com/docs/error-codes/{_NOT_AUTHENTICATED.replace('_', '-')}",
                "message": "We are unable to authenticate your payment method.",
                "payment_method": dict(method["api"]),
                "type": "invalid_request_error",
            },
        }
    )
    books.keep(INTENTS, intent)
    books.tell("payment_intent.payment_failed", intent)


def _new_charge(
    books: Books, intent: Document, method: Document, *, outcome: Document, failure: tuple[str, str] | None
) -> Document:
    api = objects.charge(
        name=books.new_id("ch"),
        at=int(time.time()),
        intent=intent["api"],
        method=method["api"],
        outcome=outcome,
        failure=failure,
    )
    intent["api"]["latest_charge"] = api["id"]
    return {"account": intent["account"], "api": api, "refund_behavior": behavior_of(method).refund}


def _authenticated() -> Document:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": secrets.token_hex(16),
        "version": "2.2.0",
    }
