"""Payment invoices: made, shown and listed."""

import time
from typing import Any

from gateways.sandbox.cardgate.books import INVOICES, Books, new_id
from gateways.sandbox.cardgate.currencies import DECIMALS, minor_of
from gateways.sandbox.cardgate.documents import answer_with, document_of, resource_of
from gateways.sandbox.cardgate.errors import ApiError, invalid
from gateways.sandbox.cardgate.question import Question
from gateways.sandbox.processor import Answer
from gateways.sandbox.scrub import mask
from gateways.sandbox.store import Document

PAGE_SIZE = 20
_KNOWN_NAMES = """
test_mode reference_id description currency amount service flow token expires locale metadata customer return_url
return_urls callback_url gateway_options service_fields
"""
_KNOWN = frozenset(_KNOWN_NAMES.split())
_LONGEST = 2000


def create(books: Books, question: Question) -> Answer:
    """Answer POST /payment-invoices. A `reference_id` is used once and for all."""
    account, wish = question.account, question.attributes("payment-invoices")
    if unknown := sorted(set(wish) - _KNOWN):
        raise invalid(unknown[0], "The attribute is unknown.")
    currency = wish.get("currency")
    if currency not in DECIMALS:
        raise invalid("currency", "The currency is invalid.")
    amount = minor_of(wish.get("amount"), currency)
    if amount is None:
        raise invalid("amount", "The amount is invalid.")
    if wish.get("service") != f"payment_card_{currency.lower()}_hpp":
        raise invalid("service", "The service is not available.")
    if wish.get("flow", "charge") != "charge":
        raise invalid("flow", "The flow is not available.")
    if wish.get("test_mode", False) is account.live:
        raise invalid("test_mode", "The account is not of this mode.")
    options = _object(_object(wish.get("gateway_options")).get("cardgate"))
    customer = _customer(wish.get("customer"))
    token = _token(books, question, wish.get("token"), customer)
    if options.get("tokenize") and customer is None:
        raise invalid("customer", "The reference_id of the customer is required.")
    if options.get("instant") and token is None:
        raise invalid("token", "The token is required.")
    expires = wish.get("expires")
    if expires is not None and (type(expires) is not int or expires <= time.time()):
        raise invalid("expires", "The time must lie ahead.")
    reference = _text(wish, "reference_id") or new_id("", 20)
    if not books.take_reference(account, "invoice", reference):
        if account.duplicate_status == 429:
            raise ApiError(429, "Too many or duplicate requests.")
        raise invalid("reference_id", "The reference_id has already been taken.")
    returns = _object(wish.get("return_urls"))
    now = int(time.time())
    invoice: Document = {
        "id": new_id("cpi"),
        "account": account.account_id,
        "reference_id": reference,
        "status": "process_pending",
        "resolution": "ok",
        "amount": amount,
        "currency": currency,
        "test_mode": not account.live,
        "service": wish["service"],
        "description": mask(_text(wish, "description")) or None,
        "expires": expires,
        "customer": customer,
        "return_url": _text(wish, "return_url"),
        "return_urls": {name: str(url) for name, url in returns.items()},
        "callback_url": _text(wish, "callback_url"),
        "tokenize": bool(options.get("tokenize")),
        "instant": bool(options.get("instant")),
        "token": token,
        "sid": new_id("cgi"),
        "origin": question.call.origin,
        "created": now,
        "updated": now,
        "attempts": 0,
        "trigger": "",
        "refunds": [],
        **dict.fromkeys(("processed", "processed_amount", "failed", "refunded", "refunded_amount", "charged_back")),
        **dict.fromkeys(("charged_back_amount", "active_payment", "card", "auth_type", "new_token", "rrn")),
        **dict.fromkeys(("approval_code", "challenge")),
    }
    books.store.put(INVOICES, invoice["id"], invoice)
    books.tell(invoice)
    return answer_with(document_of(invoice, account.private_key), status=201)


def show(books: Books, question: Question) -> Answer:
    """Answer GET /payment-invoices/{id}."""
    invoice = books.invoice(question.call.parameters["id"], question.account)
    return answer_with(document_of(invoice, question.account.private_key))


def list_all(books: Books, question: Question) -> Answer:
    """Answer GET /payment-invoices: the newest first. The vendor documents no filter, so there is none."""
    newest = list(books.invoices(account=question.account))[::-1]
    number = question.call.query.get("page[number]", "1")
    page = int(number) if number.isascii() and number.isdigit() and number != "0" else 1
    rows = newest[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    path = "/cardgate/payment-invoices?page%5Bnumber%5D="
    following = f"{path}{page + 1}" if len(newest) > page * PAGE_SIZE else None
    key = question.account.private_key
    return answer_with(
        {"data": [resource_of(row, key) for row in rows], "links": {"self": f"{path}{page}", "next": following}}
    )


def return_address(invoice: Document) -> str:
    """Return where a guest goes from the page, by how the invoice stands."""
    kind = {"processed": "success", "process_pending": "pending"}.get(invoice["status"], "fail")
    address: str = invoice["return_urls"].get(kind) or invoice["return_url"]
    return address


def _token(books: Books, question: Question, token: Any, customer: Document | None) -> str | None:
    if token is None:
        return None
    if customer is None:
        raise invalid("customer", "The reference_id of the customer is required.")
    if books.token(str(token), question.account.account_id, customer["reference_id"]) is None:
        raise invalid("token", "The token is invalid.")
    return str(token)


def _customer(wish: Any) -> Document | None:
    """Return the customer that an invoice makes; one without a name of the merchant's is nobody."""
    given = _object(wish)
    reference = given.get("reference_id")
    if not isinstance(reference, str) or not reference:
        return None
    details = {name: given.get(name) for name in ("name", "email", "phone")}
    return {"id": new_id("cus"), "reference_id": reference, **details}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(wish: dict[str, Any], name: str) -> str:
    value = wish.get(name)
    if value is not None and not (isinstance(value, str) and len(value) <= _LONGEST):
        raise invalid(name, "The value is invalid.")
    return value or ""
