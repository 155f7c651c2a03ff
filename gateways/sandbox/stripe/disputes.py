"""Disputes: a cardholder's bank asks, takes the money back, and sometimes returns it."""

import time

from gateways.sandbox.control import BadWish
from gateways.sandbox.processor import Answer
from gateways.sandbox.store import Document
from gateways.sandbox.stripe import objects
from gateways.sandbox.stripe.books import CHARGES, DISPUTES, INTENTS, Books
from gateways.sandbox.stripe.parameters import Parameters
from gateways.sandbox.stripe.question import Question

INQUIRY = "inquiry"
# The events of one dispute are told one after the other.
_LATER_SECONDS = 0.1


def show(books: Books, question: Question) -> Answer:
    """Answer GET /v1/disputes/{id}."""
    return Answer(status=200, body=books.find(DISPUTES, question.name, question.account)["api"])


def listed(books: Books, question: Question) -> Answer:
    """Answer GET /v1/disputes, by intent."""
    given = Parameters(question.given, ("payment_intent", "limit"))
    intent = books.find(INTENTS, given.needed("payment_intent"), question.account, param="payment_intent")
    rows = [dispute["api"] for dispute in books.of_intent(DISPUTES, intent["api"]["id"])]
    return Answer(status=200, body=objects.listed(rows, url="/v1/disputes"))


def open_dispute(books: Books, intent: Document, *, reason: str, amount: int | None = None) -> Document:
    """Let the cardholder's bank ask (an inquiry) or take the money back: the funds go at once."""
    api, charge = intent["api"], books.find(CHARGES, intent["api"]["latest_charge"])
    is_inquiry = reason == INQUIRY
    wanted = api["amount_received"] if amount is None else amount
    if api["status"] != "succeeded" or not 0 < wanted <= api["amount_received"]:
        raise BadWish(f"there is nothing to dispute, or not so much: 1 to {api['amount_received']}", status=422)
    if any(True for _ in books.of_intent(DISPUTES, api["id"])):
        raise BadWish("the payment has been disputed already", status=422)
    dispute = {
        "account": intent["account"],
        "api": objects.dispute(
            name=books.new_id("du"),
            at=int(time.time()),
            intent=api,
            amount=wanted,
            reason="general" if is_inquiry else reason,
            is_inquiry=is_inquiry,
            brand=charge["api"]["payment_method_details"]["card"]["brand"],
        ),
    }
    charge["api"]["disputed"] = True
    books.keep(CHARGES, charge)
    books.keep(DISPUTES, dispute)
    dispute["told_at"] = books.tell("charge.dispute.created", dispute)["created"]
    if not is_inquiry:
        _move(books, dispute, -wanted, category="dispute", event="charge.dispute.funds_withdrawn")
    books.keep(DISPUTES, dispute)
    return dispute


def close(books: Books, intent: Document, *, is_won: bool) -> Document:
    """Let a dispute end: a won one brings the money back, an inquiry ends without having moved any."""
    dispute = next(iter(books.of_intent(DISPUTES, intent["api"]["id"])), None)
    if dispute is None or dispute["api"]["status"] in ("won", "lost", "warning_closed"):
        raise BadWish("the payment has no open dispute", status=422)
    api = dispute["api"]
    was_inquiry = api["status"].startswith("warning_")
    api["status"] = "warning_closed" if was_inquiry else "won" if is_won else "lost"
    if is_won and not was_inquiry:
        _move(books, dispute, api["amount"], category="dispute_reversal", event="charge.dispute.funds_reinstated")
    _tell(books, dispute, "charge.dispute.closed")
    books.keep(DISPUTES, dispute)
    return dispute


def answer(books: Books, intent: Document) -> Document:
    """Let the merchant's evidence lie with the bank."""
    dispute = next(iter(books.of_intent(DISPUTES, intent["api"]["id"])), None)
    if dispute is None or not dispute["api"]["status"].endswith("needs_response"):
        raise BadWish("the payment has no dispute that waits for an answer", status=422)
    dispute["api"]["status"] = dispute["api"]["status"].replace("needs_response", "under_review")
    dispute["api"]["evidence_details"]["has_evidence"] = True
    _tell(books, dispute, "charge.dispute.updated")
    books.keep(DISPUTES, dispute)
    return dispute


def taken(books: Books, intent: Document) -> int:
    """Return what disputes have taken and not given back."""
    moved: int = sum(
        row["amount"]
        for dispute in books.of_intent(DISPUTES, intent["api"]["id"])
        for row in dispute["api"]["balance_transactions"]
    )
    return -moved


def _move(books: Books, dispute: Document, amount: int, *, category: str, event: str) -> None:
    api = dispute["api"]
    api["balance_transactions"].append(
        objects.balance_transaction(
            name=books.new_id("txn"),
            at=int(time.time()),
            amount=amount,
            currency=api["currency"],
            source=api["id"],
            category=category,
        )
    )
    _tell(books, dispute, event)


def _tell(books: Books, dispute: Document, event: str) -> None:
    told = books.tell(event, dispute, after={"created": dispute["told_at"]}, delay_seconds=_LATER_SECONDS)
    dispute["told_at"] = told["created"]
