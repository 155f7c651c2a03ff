"""Customers and the cards that belong to them."""

import hashlib
import re
import time
from datetime import UTC, datetime
from typing import Any

from gateways.sandbox.cards import brand_of, passes_luhn
from gateways.sandbox.processor import Answer
from gateways.sandbox.scrub import mask
from gateways.sandbox.store import Document
from gateways.sandbox.stripe import cards, objects
from gateways.sandbox.stripe.accounts import Account
from gateways.sandbox.stripe.books import CUSTOMERS, METHODS, Books
from gateways.sandbox.stripe.cards import Behavior
from gateways.sandbox.stripe.errors import ApiError, invalid, missing
from gateways.sandbox.stripe.parameters import Parameters
from gateways.sandbox.stripe.question import Question


def create_customer(books: Books, question: Question) -> Answer:
    """Answer POST /v1/customers."""
    given = Parameters(question.given, ("metadata", "email", "name", "description"))
    name = books.new_id("cus")
    api = objects.customer(name=name, at=int(time.time()), live=question.account.live, metadata=given.metadata())
    document = {"account": question.account.account, "api": api}
    books.keep(CUSTOMERS, document)
    books.tell("customer.created", document)
    return Answer(status=200, body=api)


def show_customer(books: Books, question: Question) -> Answer:
    """Answer GET /v1/customers/{id}."""
    return Answer(status=200, body=books.find(CUSTOMERS, question.name, question.account)["api"])


def create_method(books: Books, question: Question) -> Answer:
    """Answer POST /v1/payment_methods."""
    given = Parameters(question.given, ("type", "card", "billing_details", "metadata"))
    given.choice("type", ("card",), "")
    holder = given.child("billing_details").get("name", "")
    document = new_method(books, question.account, given.child("card"), holder=str(holder))
    return Answer(status=200, body=document["api"])


def show_method(books: Books, question: Question) -> Answer:
    """Answer GET /v1/payment_methods/{id}."""
    return Answer(status=200, body=books.find(METHODS, question.name, question.account)["api"])


def attach_method(books: Books, question: Question) -> Answer:
    """Answer POST /v1/payment_methods/{id}/attach."""
    given = Parameters(question.given, ("customer",))
    document = method_of(books, question.account, question.name, param="id")
    customer = books.find(CUSTOMERS, given.needed("customer"), question.account, param="customer")
    behavior = behavior_of(document)
    if not behavior.can_be_kept:
        raise card_error(behavior)
    attach(books, document, customer["api"]["id"])
    return Answer(status=200, body=document["api"])


def detach_method(books: Books, question: Question) -> Answer:
    """Answer POST /v1/payment_methods/{id}/detach."""
    Parameters(question.given, ())
    document = books.find(METHODS, question.name, question.account)
    if document["api"]["customer"] is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    detach(books, document)
    return Answer(status=200, body=document["api"])


def new_method(books: Books, account: Account, card: dict[str, Any], *, holder: str = "") -> Document:
    """Make a payment method of typed card details, of which only what is on a receipt is kept.

    :raises ApiError: the details cannot be those of a card.
    """
    number = re.sub(r"[ -]", "", str(card.get("number", "")))
    if not number.isascii() or not number.isdigit() or not 12 <= len(number) <= 19 or not passes_luhn(number):
        raise card_error(Behavior(name="", code="incorrect_number"))
    month, year = _number(card.get("exp_month")), _number(card.get("exp_year"))
    year = year + 2000 if 0 <= year < 100 else year
    now = datetime.now(UTC)
    if not 1 <= month <= 12:
        raise card_error(Behavior(name="", code="invalid_expiry_month"))
    if not now.year <= year <= now.year + 50 or (year, month) < (now.year, now.month):
        raise card_error(Behavior(name="", code="invalid_expiry_year"))
    brand = brand_of(number) or "unknown"
    cvc = str(card.get("cvc", ""))
    if cvc and (not cvc.isdigit() or len(cvc) != (4 if brand == "amex" else 3)):
        raise card_error(Behavior(name="", code="invalid_cvc"))
    api = objects.payment_method(
        name=books.new_id("pm"),
        at=int(now.timestamp()),
        live=account.live,
        brand=cards.BRANDS.get(brand, brand),
        last4=number[-4:],
        month=month,
        year=year,
        holder=mask(holder),
        # The same card twice has the same one; it says no more of the card than its last digits do.
        fingerprint=hashlib.sha256(f"{account.account} {brand} {number[-4:]}".encode()).hexdigest()[:16],
    )
    behavior = cards.BEHAVIORS.get(number, cards.UNKNOWN)
    document = {"account": account.account, "api": api, "behavior": behavior.name, "is_set_up": False, "is_over": False}
    books.keep(METHODS, document)
    return document


def method_of(books: Books, account: Account, name: str, *, param: str = "payment_method") -> Document:
    """Return a payment method by its name, or a new one for a token of the documentation.

    :raises ApiError: there is none, or it was detached and can be used no more.
    """
    if name in cards.TOKENS:
        now = datetime.now(UTC)
        details = {"number": cards.TOKENS[name], "exp_month": str(now.month), "exp_year": str(now.year + 4)}
        return new_method(books, account, details)
    document = books.find(METHODS, name, account, param=param)
    if document["is_over"]:
        raise missing("PaymentMethod", name, param=param, status=400)
    return document


def behavior_of(method: Document) -> Behavior:
    """Return what a payment method's card makes happen."""
    return cards.BY_NAME[method["behavior"]]


def attach(books: Books, method: Document, customer: str) -> None:
    """Let a card belong to a customer."""
    method["api"]["customer"] = customer
    books.keep(METHODS, method)
    books.tell("payment_method.attached", method)


def detach(books: Books, method: Document) -> None:
    """Let a card belong to nobody, for good."""
    before = method["api"]["customer"]
    method["api"]["customer"] = None
    method["is_over"] = True
    books.keep(METHODS, method)
    books.tell("payment_method.detached", method, before={"customer": before})


def renew(books: Books, method: Document) -> None:
    """Let the card's bank give out a new one under the same name."""
    card = method["api"]["card"]
    before = {"card": {"exp_year": card["exp_year"]}}
    card["exp_year"] += 4
    books.keep(METHODS, method)
    books.tell("payment_method.automatically_updated", method, before=before)


def card_error(behavior: Behavior, **more: Any) -> ApiError:
    """Return the error for a card that was refused."""
    if behavior.decline_code:
        more["decline_code"] = behavior.decline_code
    if behavior.advice_code:
        more["advice_code"] = behavior.advice_code
    return ApiError(402, "card_error", behavior.message, code=behavior.code, **more)


def _number(value: object) -> int:
    text = str(value or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else -1
