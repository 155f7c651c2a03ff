"""Payment intents: made by the merchant, paid by the guest, captured or canceled by the merchant."""

import re
import time

from gateways.sandbox.processor import Answer
from gateways.sandbox.scrub import mask
from gateways.sandbox.store import Document
from gateways.sandbox.stripe import attempts, objects
from gateways.sandbox.stripe.books import CHARGES, CUSTOMERS, INTENTS, Books
from gateways.sandbox.stripe.errors import invalid, malformed, unauthorized, unexpected_state
from gateways.sandbox.stripe.methods import method_of, new_method
from gateways.sandbox.stripe.parameters import Parameters
from gateways.sandbox.stripe.question import Question

_CREATED_WITH = """
amount currency capture_method payment_method_types payment_method off_session confirm customer description metadata
setup_future_usage return_url statement_descriptor_suffix error_on_requires_action
"""
_CONFIRMED_WITH = """
payment_method payment_method_data client_secret return_url off_session setup_future_usage error_on_requires_action
"""
CREATED_WITH, CONFIRMED_WITH = tuple(_CREATED_WITH.split()), tuple(_CONFIRMED_WITH.split())
_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
_CANCELABLE = (*attempts.PAYABLE, "requires_action", "requires_capture")
_BY_METADATA = re.compile(r"metadata\[['\"]([^'\"]{1,40})['\"]\]:['\"]([^'\"]{1,500})['\"]")


def create(books: Books, question: Question) -> Answer:
    """Answer POST /v1/payment_intents."""
    given = Parameters(question.given, CREATED_WITH)
    currency = given.currency()
    customer = given.text("customer") or None
    if given.texts("payment_method_types") not in ([], ["card"]):
        raise malformed("Invalid payment_method_types: only card is known here", param="payment_method_types[0]")
    if given.boolean("off_session") and not given.boolean("confirm"):
        raise malformed("off_session can only be given with confirm", param="off_session")
    name = books.new_id("pi")
    api = objects.payment_intent(
        name=name,
        secret=f"{name}_secret_{books.new_id('x')[2:]}",
        at=int(time.time()),
        live=question.account.live,
        amount=given.amount(currency),
        currency=currency,
        capture_method=given.choice("capture_method", ("automatic", "automatic_async", "manual"), "automatic_async"),
        customer_name=customer,
        future_usage=given.text("setup_future_usage") or None,
        description=mask(given.text("description")) or None,
        metadata=given.metadata(),
    )
    if customer is not None:
        books.find(CUSTOMERS, customer, question.account, param="customer")
    intent = {"account": question.account.account, "api": api}
    method = method_of(books, question.account, given.needed("payment_method")) if given.boolean("confirm") else None
    if method is not None and (method["api"]["customer"] or customer) != customer:
        raise invalid("The payment method belongs to another customer.", param="payment_method")
    books.keep(INTENTS, intent)
    books.tell("payment_intent.created", intent)
    if method is not None:
        _attempt(books, question, intent, method, given)
    return _answer(books, question, intent)


def show(books: Books, question: Question) -> Answer:
    """Answer GET /v1/payment_intents/{id}; a browser may look with the intent's own secret."""
    Parameters(question.given, ("client_secret",))
    return _answer(books, question, _intent(books, question))


def confirm(books: Books, question: Question) -> Answer:
    """Answer POST /v1/payment_intents/{id}/confirm, from the merchant or from the guest's browser."""
    given = Parameters(question.given, CONFIRMED_WITH)
    intent = _intent(books, question)
    if given.boolean("off_session") and not question.is_secret:
        raise malformed("off_session needs a secret key", param="off_session")
    if intent["api"]["status"] not in attempts.PAYABLE:
        raise unexpected_state(intent["api"], "confirmed")
    data = given.child("payment_method_data")
    if data:
        details = data.get("billing_details")
        holder = str(details.get("name", "")) if isinstance(details, dict) else ""
        card = data.get("card")
        method = new_method(books, question.account, card if isinstance(card, dict) else {}, holder=holder)
    else:
        method = method_of(books, question.account, given.needed("payment_method"))
    _attempt(books, question, intent, method, given)
    return _answer(books, question, intent)


def capture(books: Books, question: Question) -> Answer:
    """Answer POST /v1/payment_intents/{id}/capture."""
    given = Parameters(question.given, ("amount_to_capture", "metadata"))
    intent = _intent(books, question)
    if intent["api"]["status"] != "requires_capture":
        raise unexpected_state(intent["api"], "captured")
    amount = given.integer("amount_to_capture")
    if amount is not None and not 0 < amount <= intent["api"]["amount_capturable"]:
        message = "The amount to capture is more than what can be captured."
        raise invalid(message, code="amount_too_large", param="amount_to_capture")
    intent["api"]["metadata"].update(given.metadata())
    take_hold(books, intent, amount)
    return _answer(books, question, intent)


def take_hold(books: Books, intent: Document, amount: int | None) -> None:
    """Take held money, all of it unless told otherwise; the rest is released."""
    api, charge = intent["api"], books.find(CHARGES, intent["api"]["latest_charge"])
    taken = api["amount_capturable"] if amount is None else amount
    attempts.take(books, charge, taken)
    charge["api"]["amount_refunded"] = api["amount"] - taken
    api.update({"status": "succeeded", "amount_received": taken, "amount_capturable": 0})
    books.keep(CHARGES, charge)
    books.keep(INTENTS, intent)
    books.tell("charge.captured", charge)
    books.tell("payment_intent.succeeded", intent)


def cancel(books: Books, question: Question) -> Answer:
    """Answer POST /v1/payment_intents/{id}/cancel."""
    given = Parameters(question.given, ("cancellation_reason",))
    reason = given.choice("cancellation_reason", ("", *_REASONS), "") or None
    intent = _intent(books, question)
    if intent["api"]["status"] not in _CANCELABLE:
        raise unexpected_state(intent["api"], "canceled")
    end(books, intent, reason=reason)
    return _answer(books, question, intent)


def end(books: Books, intent: Document, *, reason: str | None) -> None:
    """Cancel an intent, and release what it holds; `automatic` is Stripe's own reason when a hold has run out."""
    api = intent["api"]
    was_held = api["status"] == "requires_capture"
    api.update(
        {
            "status": "canceled",
            "canceled_at": int(time.time()),
            "cancellation_reason": reason,
            "amount_capturable": 0,
            "next_action": None,
        }
    )
    books.keep(INTENTS, intent)
    if was_held:
        charge = books.find(CHARGES, api["latest_charge"])
        charge["api"].update({"refunded": True, "amount_refunded": charge["api"]["amount"]})
        books.keep(CHARGES, charge)
        books.tell("charge.expired" if reason == "automatic" else "charge.refunded", charge)
    books.tell("payment_intent.canceled", intent)


def search(books: Books, question: Question) -> Answer:
    """Answer GET /v1/payment_intents/search, by one field of the metadata."""
    given = Parameters(question.given, ("query", "limit"))
    wanted = _BY_METADATA.fullmatch(given.needed("query"))
    if wanted is None:
        raise malformed("We were unable to parse your search query.", param="query")
    found = [
        expanded(books, intent["api"], given.texts("expand"), prefix="data.")
        for intent in reversed(list(books.store.all(INTENTS).values()))
        if intent["account"] == question.account.account and intent["api"]["metadata"].get(wanted[1]) == wanted[2]
    ]
    return Answer(status=200, body=objects.listed(found, url="/v1/payment_intents/search", kind="search_result"))


def charges(books: Books, question: Question) -> Answer:
    """Answer GET /v1/charges, by intent."""
    given = Parameters(question.given, ("payment_intent", "limit"))
    intent = books.find(INTENTS, given.needed("payment_intent"), question.account, param="payment_intent")
    rows = [charge["api"] for charge in books.of_intent(CHARGES, intent["api"]["id"])]
    return Answer(status=200, body=objects.listed(rows, url="/v1/charges"))


def show_charge(books: Books, question: Question) -> Answer:
    """Answer GET /v1/charges/{id}."""
    return Answer(status=200, body=books.find(CHARGES, question.name, question.account)["api"])


def expanded(books: Books, api: Document, paths: list[str], *, prefix: str = "") -> Document:
    """Return an intent with its charge in place of the charge's name, where that was asked for."""
    if f"{prefix}latest_charge" not in paths or api["latest_charge"] is None:
        return api
    return {**api, "latest_charge": books.find(CHARGES, api["latest_charge"])["api"]}


def _attempt(books: Books, question: Question, intent: Document, method: Document, given: Parameters) -> None:
    attempts.attempt(
        books,
        intent,
        method,
        origin=question.call.origin,
        is_off_session=given.boolean("off_session"),
        return_url=given.text("return_url"),
    )
    if intent["api"]["status"] == "requires_payment_method":
        raise attempts.error_of(intent)


def _intent(books: Books, question: Question) -> Document:
    intent = books.find(INTENTS, question.name, question.account)
    if not question.is_secret and question.given.get("client_secret") != intent["api"]["client_secret"]:
        raise unauthorized()
    return intent


def _answer(books: Books, question: Question, intent: Document) -> Answer:
    paths = question.given.get("expand", [])
    return Answer(status=200, body=expanded(books, intent["api"], paths if isinstance(paths, list) else []))
