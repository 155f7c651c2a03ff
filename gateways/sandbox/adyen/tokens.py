"""Stored payment methods: made by paying or on their own, listed, deleted, and charged again."""

import time
from dataclasses import dataclass

from gateways.sandbox.adyen import requests
from gateways.sandbox.adyen.accounts import Account
from gateways.sandbox.adyen.books import TOKENS, Books, stamp
from gateways.sandbox.adyen.errors import invalid
from gateways.sandbox.adyen.instruments import Instrument, decrypt, read_card
from gateways.sandbox.adyen.question import Question
from gateways.sandbox.adyen.validation import check
from gateways.sandbox.processor import Answer
from gateways.sandbox.store import Document

NAMES = {"visa": "VISA", "mc": "MasterCard", "amex": "American Express"}
MODELS = ["CardOnFile", "Subscription", "UnscheduledCardOnFile"]


@dataclass(frozen=True, slots=True)
class Stored:
    """A token and whether it was made just now."""

    token: Document
    operation: str


def store_card(
    books: Books, *, account: Account, shopper_reference: str, instrument: Instrument, psp_reference: str
) -> Stored:
    """Make a token for a card, or find the one that this shopper already has for it.

    The same card is recognized by brand, last four digits and expiry: nothing else of it is known.
    """
    looks = (instrument.brand, instrument.last4, instrument.expiry_month, instrument.expiry_year)
    for token in tokens_of(books, account=account, shopper_reference=shopper_reference):
        if looks == (token["brand"], token["last4"], int(token["expiryMonth"]), int(token["expiryYear"])):
            books.notify_of_token(token, event="alreadyExisting", event_id=psp_reference)
            return Stored(token, "alreadyExisting")
    token = {
        "id": books.new_reference(),
        "merchantAccount": account.merchant_account,
        "shopperReference": shopper_reference,
        "holderName": instrument.holder_name,
        "firstPspReference": psp_reference,
        "createdAt": stamp(time.time()),
        **instrument.shown(),
    }
    books.store.put(TOKENS, token["id"], token)
    books.notify_of_token(token, event="created", event_id=psp_reference)
    return Stored(token, "created")


def disable(books: Books, token: Document) -> None:
    """Delete a token; the event's own reference is new, for it belongs to no payment."""
    books.store.remove(TOKENS, token["id"])
    books.notify_of_token(token, event="disabled", event_id=books.new_reference())


def renew(books: Books, token: Document) -> None:
    """Let the bank give out a new card under the same token: five more years, told without a payment."""
    token["expiryYear"] = str(int(token["expiryYear"]) + 5)
    books.store.put(TOKENS, token["id"], token)
    books.notify_of_token(token, event="updated", event_id=books.new_reference())


def tokens_of(books: Books, *, account: Account, shopper_reference: str) -> list[Document]:
    """Return the tokens of one shopper, oldest first."""
    owner = (account.merchant_account, shopper_reference)
    return [
        token
        for token in books.store.all(TOKENS).values()
        if (token["merchantAccount"], token["shopperReference"]) == owner
    ]


def find_token(books: Books, *, account: Account, shopper_reference: str, token_id: str) -> Document:
    """Return a shopper's token.

    :raises ApiError: 803, there is none, or it is another shopper's.
    """
    for token in tokens_of(books, account=account, shopper_reference=shopper_reference):
        if token["id"] == token_id:
            return token
    raise invalid("803", "PaymentDetail not found")


def tokenization_data(stored: Stored) -> Document:
    """Return what answers and webhooks say about a token in additionalData."""
    return {
        "tokenization.storedPaymentMethodId": stored.token["id"],
        "tokenization.shopperReference": stored.token["shopperReference"],
        "tokenization.store.operationType": stored.operation,
        "recurring.recurringDetailReference": stored.token["id"],
        "recurring.shopperReference": stored.token["shopperReference"],
    }


def list_stored(books: Books, question: Question) -> Answer:
    """Answer GET /storedPaymentMethods."""
    account = question.merchant(question.call.query.get("merchantAccount"))
    shopper_reference = question.call.query.get("shopperReference", "")
    if not shopper_reference:
        raise invalid("180", "Required field 'shopperReference' is not provided.")
    found = tokens_of(books, account=account, shopper_reference=shopper_reference)
    body = {
        "merchantAccount": account.merchant_account,
        "shopperReference": shopper_reference,
        "storedPaymentMethods": [{**_resource(token), "expiryYear": token["expiryYear"][-2:]} for token in found],
    }
    return Answer(status=200, body=body)


def delete_stored(books: Books, question: Question) -> Answer:
    """Answer DELETE /storedPaymentMethods/{id}."""
    token = find_token(
        books,
        account=question.merchant(question.call.query.get("merchantAccount")),
        shopper_reference=question.call.query.get("shopperReference", ""),
        token_id=question.call.parameters["id"],
    )
    disable(books, token)
    return Answer(status=204)


def create_stored(books: Books, question: Question) -> Answer:
    """Answer POST /storedPaymentMethods: a token without a payment."""
    account = question.merchant()
    check(question.body, requests.STORE_CARD)
    instrument = read_card(decrypt(question.body["paymentMethod"]), needs_cvc=False)
    if not instrument.verdict.is_authorized:
        raise invalid("801", "Unable to store the payment details")
    stored = store_card(
        books,
        account=account,
        shopper_reference=question.body["shopperReference"],
        instrument=instrument,
        psp_reference=books.new_reference(),
    )
    return Answer(status=201, body=_resource(stored.token))


def payment_methods(books: Books, question: Question) -> Answer:
    """Answer POST /paymentMethods: cards, and the shopper's stored ones."""
    account = question.merchant()
    check(question.body, requests.PAYMENT_METHODS)
    allowed, blocked = question.body.get("allowedPaymentMethods"), question.body.get("blockedPaymentMethods", [])
    has_cards = (allowed is None or "scheme" in allowed) and "scheme" not in blocked
    brands = ["visa", "mc", "amex", "diners", "discover", "jcb", "maestro"]
    body: Document = {"paymentMethods": [{"type": "scheme", "name": "Cards", "brands": brands}] if has_cards else []}
    shopper_reference = question.body.get("shopperReference")
    if shopper_reference and has_cards:
        body["storedPaymentMethods"] = [
            {
                "id": token["id"],
                "type": "scheme",
                "name": NAMES.get(token["brand"], token["brand"]),
                "brand": token["brand"],
                "lastFour": token["last4"],
                "expiryMonth": token["expiryMonth"],
                "expiryYear": token["expiryYear"],
                "holderName": token["holderName"],
                "supportedRecurringProcessingModels": MODELS,
                "supportedShopperInteractions": ["Ecommerce", "ContAuth"],
            }
            for token in tokens_of(books, account=account, shopper_reference=shopper_reference)
        ]
    return Answer(status=200, body=body)


def _resource(token: Document) -> Document:
    return {
        "id": token["id"],
        "type": "scheme",
        "name": NAMES.get(token["brand"], token["brand"]),
        "brand": token["brand"],
        "lastFour": token["last4"],
        "expiryMonth": token["expiryMonth"],
        "expiryYear": token["expiryYear"],
        "holderName": token["holderName"],
        "issuerName": "Example Bank",
        "shopperReference": token["shopperReference"],
        "createdAt": token["createdAt"],
        "firstPspReference": token["firstPspReference"],
        "supportedRecurringProcessingModels": MODELS,
    }
