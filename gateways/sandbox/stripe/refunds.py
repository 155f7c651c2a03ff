"""Refunds: made by the merchant or in the dashboard; some wait, and some come back."""

import copy
import time

from gateways.sandbox.processor import Answer
from gateways.sandbox.store import Document
from gateways.sandbox.stripe import objects
from gateways.sandbox.stripe.books import CHARGES, INTENTS, REFUNDS, Books
from gateways.sandbox.stripe.errors import invalid, malformed, unexpected_state
from gateways.sandbox.stripe.parameters import Parameters
from gateways.sandbox.stripe.question import Question

# A bank's later word follows the refund at this distance.
_LATER_SECONDS = 0.2
_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create(books: Books, question: Question) -> Answer:
    """Answer POST /v1/refunds."""
    given = Parameters(question.given, ("payment_intent", "charge", "amount", "metadata", "reason"))
    if ("payment_intent" in given) is ("charge" in given):
        raise malformed("One of payment_intent and charge must be given.", param="payment_intent")
    if "charge" in given:
        charge = books.find(CHARGES, given.needed("charge"), question.account, param="charge")
        name = charge["api"]["payment_intent"]
    else:
        name = given.needed("payment_intent")
    intent = books.find(INTENTS, name, question.account, param="payment_intent")
    reason = given.choice("reason", ("", *_REASONS), "") or None
    refund = give_back(books, intent, given.integer("amount"), metadata=given.metadata(), reason=reason)
    return Answer(status=200, body=refund["api"])


def show(books: Books, question: Question) -> Answer:
    """Answer GET /v1/refunds/{id}."""
    return Answer(status=200, body=books.find(REFUNDS, question.name, question.account)["api"])


def listed(books: Books, question: Question) -> Answer:
    """Answer GET /v1/refunds, by intent."""
    given = Parameters(question.given, ("payment_intent", "limit"))
    intent = books.find(INTENTS, given.needed("payment_intent"), question.account, param="payment_intent")
    rows = [refund["api"] for refund in books.of_intent(REFUNDS, intent["api"]["id"])]
    return Answer(status=200, body=objects.listed(rows, url="/v1/refunds"))


def give_back(
    books: Books, intent: Document, amount: int | None, *, metadata: dict[str, str], reason: str | None
) -> Document:
    """Give money back, all that is left unless told otherwise; return the refund as it is before its bank's later word.

    :raises ApiError: there is nothing to give back, or not so much.
    """
    api = intent["api"]
    if api["status"] != "succeeded":
        raise unexpected_state(api, "refunded")
    charge = books.find(CHARGES, api["latest_charge"])
    if charge["api"]["disputed"]:
        message = "This charge has been charged back and cannot be refunded."
        raise invalid(message, code="charge_disputed", param="payment_intent")
    left = refundable(books, intent)
    if left == 0:
        raise invalid(f"Charge {charge['api']['id']} has already been refunded.", code="charge_already_refunded")
    wanted = left if amount is None else amount
    if not 0 < wanted <= left:
        raise invalid("Refund amount is greater than unrefunded amount on charge.", param="amount")
    behavior = charge["refund_behavior"]
    refund = {
        "account": intent["account"],
        "api": objects.refund(
            name=books.new_id("re"),
            at=int(time.time()),
            intent=api,
            amount=wanted,
            status="pending" if behavior == "pending" else "succeeded",
            reason=reason,
            balance_transaction=books.new_id("txn"),
            metadata=metadata,
        ),
    }
    books.keep(REFUNDS, refund)
    _count(books, charge, wanted)
    made = copy.deepcopy(refund)
    told = books.tell("refund.created", refund)
    books.tell("charge.refunded", charge)
    if behavior == "pending":
        refund["api"]["status"] = "succeeded"
        books.keep(REFUNDS, refund)
        books.tell("refund.updated", refund, after=told, delay_seconds=_LATER_SECONDS)
    if behavior == "fails":
        fail(books, refund, after=told)
    return made


def fail(books: Books, refund: Document, *, after: Document | None = None) -> None:
    """Let a refund come back from the cardholder's bank: the money is the merchant's again."""
    charge = books.find(CHARGES, refund["api"]["charge"])
    refund["api"].update(
        {
            "status": "failed",
            "failure_reason": "expired_or_canceled_card",
            "failure_balance_transaction": books.new_id("txn"),
        }
    )
    books.keep(REFUNDS, refund)
    _count(books, charge, -refund["api"]["amount"])
    told = after or {"created": refund["api"]["created"]}
    books.tell("refund.failed", refund, after=told, delay_seconds=_LATER_SECONDS if after else 0.0)


def refundable(books: Books, intent: Document) -> int:
    """Return what can still be given back."""
    given: int = sum(
        refund["api"]["amount"]
        for refund in books.of_intent(REFUNDS, intent["api"]["id"])
        if refund["api"]["status"] not in ("failed", "canceled")
    )
    received: int = intent["api"]["amount_received"]
    return received - given


def _count(books: Books, charge: Document, amount: int) -> None:
    api = charge["api"]
    api["amount_refunded"] += amount
    api["refunded"] = api["amount_refunded"] >= api["amount"]
    books.keep(CHARGES, charge)
