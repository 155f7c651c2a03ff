"""Payment orders: made by the merchant, paid by a guest, looked at, changed and cancelled."""

import time
from dataclasses import dataclass
from typing import Any

from gateways.sandbox.processor import Answer
from gateways.sandbox.store import Document
from gateways.sandbox.viva import events
from gateways.sandbox.viva.books import CANCELLED, CHARGE, HOLD, PAID, PENDING, Books
from gateways.sandbox.viva.cards import NOT_AUTHENTICATED, read_card
from gateways.sandbox.viva.currencies import NAMES, NUMBERS, major
from gateways.sandbox.viva.errors import NewerError, OlderError
from gateways.sandbox.viva.question import Question

LEAST, LIVES_SECONDS, NEVER_ENDS = 30, 1800, 65535
# Name -> type. A field that is not here is dropped silently, as Viva does with e-mail and name outside `customer`.
_TYPES: dict[str, type] = {
    "amount": int,
    "merchantTrns": str,
    "customerTrns": str,
    "customer": dict,
    "paymentTimeout": int,
    "preauth": bool,
    "allowRecurring": bool,
    "maxInstallments": int,
    "paymentNotification": bool,
    "tipAmount": int,
    "disableExactAmount": bool,
    "disableCash": bool,
    "disableWallet": bool,
    "sourceCode": str,
    "tags": list,
    "cardTokens": list,
}


class OrderIsOver(Exception):
    """An order that cannot be paid; the message says why."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to pay; `challenge` names the bank's question while it is open, and there is no transaction yet."""

    transaction: Document | None
    challenge: str = ""


def create(books: Books, question: Question) -> Answer:
    """Answer POST /checkout/v2/orders."""
    body, account = question.body, question.account
    for name, value in body.items():
        wanted = _TYPES.get(name)
        if wanted is not None and value is not None and not _is(value, wanted):
            raise NewerError(400, f"The field {name} is not valid.")
    amount, timeout = body.get("amount"), body.get("paymentTimeout", LIVES_SECONDS)
    if amount is None or amount < LEAST:
        raise NewerError(400, f"The field amount must be at least {LEAST}.")
    if not 1 <= timeout <= NEVER_ENDS:
        raise NewerError(400, "The field paymentTimeout is not valid.")
    currency = NAMES.get(str(body.get("currencyCode", NUMBERS[account.currency])))
    if currency is None:
        raise NewerError(400, "The field currencyCode is not valid.")
    if body.get("preauth") and body.get("allowRecurring"):
        raise NewerError(400, "Pre-authorizations are not available with recurring payments.")
    source_code = body.get("sourceCode") or "Default"
    if source_code != account.source_code:
        raise NewerError(404, "The payment source does not exist.")
    now = time.time()
    order: Document = {
        "code": books.new_order_code(),
        "merchant_id": account.merchant_id,
        "amount": amount,
        "currency": currency,
        "merchant_trns": body.get("merchantTrns"),
        "source_code": source_code,
        "customer": body.get("customer"),
        "preauth": body.get("preauth", False),
        "recurring": body.get("allowRecurring", False),
        "state": PENDING,
        "expires_at": now + (10**9 if timeout == NEVER_ENDS else timeout),
        "created_at": now,
    }
    books.keep_order(order)
    return Answer(status=200, body={"orderCode": order["code"]})


def show(books: Books, question: Question) -> Answer:
    """Answer GET /api/orders/{orderCode}."""
    return Answer(status=200, body=_shown(_order(books, question)))


def update(books: Books, question: Question) -> Answer:
    """Answer PATCH /api/orders/{orderCode}: another amount, or that it is cancelled."""
    order, body = _order(books, question), question.body
    if order["state"] != PENDING:
        raise OlderError(403, "The order can no longer be changed")
    if "amount" in body:
        if not _is(body["amount"], int) or body["amount"] < LEAST:
            raise OlderError(400, "The amount is not valid")
        order["amount"] = body["amount"]
        books.keep_order(order)
    if body.get("isCancelled") is True:
        end(books, order)
    return Answer(status=200)


def cancel(books: Books, question: Question) -> Answer:
    """Answer DELETE /api/orders/{orderCode}; cancelling again changes nothing."""
    order = _order(books, question)
    if order["state"] == PAID:
        raise OlderError(403, "The order has been paid")
    end(books, order)
    body = {"OrderCode": order["code"], "ErrorCode": 0, "ErrorText": None, "EventId": 0, "Success": True}
    return Answer(status=200, body=body)


def end(books: Books, order: Document) -> None:
    """Cancel an order that nobody paid, and tell of it; for one that expired nothing is told."""
    if order["state"] == PENDING:
        order["state"] = CANCELLED
        books.keep_order(order)
        books.tell_cancelled(order)


def attempt(
    books: Books,
    order: Document,
    fields: dict[str, str],
    *,
    says: int | None = None,
    may_challenge: bool = False,
    is_pending: bool = False,
) -> Attempt:
    """Let the guest try to pay. `says` is what the bank answers in place of what the card and the amount would; with
    `is_pending` it does not answer for now.

    :raises OrderIsOver: it was paid, cancelled, or its time is over.
    :raises BadCard: it cannot be a card.
    """
    check_open(order)
    entered = read_card(fields, amount=order["amount"])
    event_id = entered.event_id if says is None else says
    if entered.asks_3ds and event_id == 0 and may_challenge:
        return Attempt(None, challenge=books.new_challenge(order, entered.card))
    return Attempt(decide(books, order, entered.card, event_id, is_pending=is_pending))


def decide(books: Books, order: Document, card: Document, event_id: int, *, is_pending: bool = False) -> Document:
    """Write down how an attempt ended, and tell of it, unless it failed at the bank's question."""
    kind = HOLD if order["preauth"] else CHARGE
    status = "A" if is_pending else "E" if event_id else "F"
    made = books.new_transaction(
        order,
        type=kind,
        status=status,
        amount=order["amount"],
        event_id=event_id,
        card=card,
        recurring=order["recurring"] and not event_id,
    )
    if is_pending:
        return made
    if not event_id:
        order["state"] = PAID
        books.keep_order(order)
        books.tell(events.PAYMENT_CREATED, made)
    elif event_id != NOT_AUTHENTICATED:
        books.tell(events.PAYMENT_FAILED, made)
    return made


def check_open(order: Document) -> None:
    """Check that an order can be paid.

    :raises OrderIsOver: it cannot.
    """
    if order["state"] != PENDING:
        raise OrderIsOver({1: "The order has expired", 2: "The order was cancelled"}.get(order["state"], "It is paid"))


def _order(books: Books, question: Question) -> Document:
    order = books.order(question.call.parameters["code"], question.account)
    if order is None:
        raise OlderError(404, "Order not found")
    return order


def _shown(order: Document) -> Document:
    return {
        "OrderCode": order["code"],
        "SourceCode": order["source_code"],
        "Tags": [],
        "TipAmount": 0.0,
        "RequestLang": (order["customer"] or {}).get("requestLang"),
        "MerchantTrns": order["merchant_trns"],
        "CustomerTrns": None,
        "MaxInstallments": 0,
        "RequestAmount": major(order["amount"]),
        "ExpirationDate": events.stamp(order["expires_at"]),
        "StateId": order["state"],
    }


def _is(value: Any, wanted: type) -> bool:
    return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
