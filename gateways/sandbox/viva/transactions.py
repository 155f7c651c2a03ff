"""Transactions: retrieved, listed, charged again, captured, cancelled and refunded."""

import time
from typing import Any

from gateways.sandbox.processor import Answer
from gateways.sandbox.store import Document
from gateways.sandbox.viva import events
from gateways.sandbox.viva.books import CAPTURE, CHARGE, HOLD, PAID, REFUND, VOID, Books
from gateways.sandbox.viva.cards import REFUSED_AMOUNTS, TYPE_NAMES
from gateways.sandbox.viva.currencies import NAMES, NUMBERS, major
from gateways.sandbox.viva.errors import NewerError, OlderError, turned_off, unknown_transaction
from gateways.sandbox.viva.question import Question

TRANSACTION_FAILED, REFUSED_HERE = 502, 311
TYPES = {CAPTURE: "Capture", HOLD: "Pre-authorization", REFUND: "Refund", CHARGE: "Charge", VOID: "Void"}


def retrieve(books: Books, question: Question) -> Answer:
    """Answer GET /checkout/v2/transactions/{id}; the id itself is not repeated."""
    found = books.transaction(question.call.parameters["id"], question.account)
    if found is None:
        raise NewerError(404)
    card = found["card"]
    body = {
        "email": None,
        "amount": major(found["amount"]),
        "orderCode": found["order_code"],
        "statusId": found["status"],
        "fullName": None,
        "insDate": events.stamp(found["at"]),
        "cardNumber": card["number"],
        "sourceCode": found["source_code"],
        "currencyCode": NUMBERS[found["currency"]],
        "customerTrns": None,
        "merchantTrns": found["merchant_trns"],
        "transactionTypeId": found["type"],
        "recurringSupport": found["recurring"],
        "totalInstallments": 0,
        "cardCountryCode": "GB",
        "cardIssuingBank": None,
        "eventId": found["event_id"],
        "currentInstallment": 0,
        "cardUniqueReference": None,
        "cardExpirationDate": card["expires"],
        "cardTypeId": card["type_id"],
        "digitalWalletId": None,
        "bankId": "NET_VISA",
        "switching": False,
    }
    return Answer(status=200, body=body)


def look_up(books: Books, question: Question) -> Answer:
    """Answer GET /api/transactions by id, by `ordercode` or by `date`."""
    identity, query = question.call.parameters.get("id"), question.call.query
    found = list(books.transactions(merchant_id=question.account.merchant_id))
    if identity:
        found = [one for one in found if one["id"] == identity.lower()]
    elif "ordercode" in query:
        found = [one for one in found if str(one["order_code"]) == query["ordercode"]]
    elif "date" in query:
        found = [one for one in found if events.day_of(one["at"]) == query["date"]]
    else:
        raise OlderError(400, "Nothing is asked for")
    return Answer(status=200, body=_fine({"Transactions": [_listed(one) for one in found]}))


def charge(books: Books, question: Question) -> Answer:
    """Answer POST /api/transactions/{id} of a payment: charge its card again."""
    initial = _target(books, question)
    if not question.account.allow_recurring:
        raise turned_off()
    if not initial["recurring"] or initial["status"] == "E":
        raise OlderError(403, "The initial transaction does not support recurring payments", status=200)
    amount, currency = _amount(question.body.get("amount")), question.body.get("currencyCode")
    if currency is not None and NAMES.get(str(currency)) != initial["currency"]:
        raise OlderError(400, "The currency is not that of the initial transaction")
    event_id = initial.get("bank_says", 0) or REFUSED_AMOUNTS.get(amount, 0)
    order = {**initial, "code": initial["order_code"], "merchant_trns": question.body.get("merchantTrns")}
    made = books.new_transaction(
        order,
        type=CHARGE,
        status="E" if event_id else "F",
        amount=amount,
        event_id=event_id,
        card=initial["card"],
        parent=initial["id"],
    )
    books.tell(events.PAYMENT_FAILED if event_id else events.PAYMENT_CREATED, made)
    return _answer(made)


def capture(books: Books, question: Question) -> Answer:
    """Answer POST /api/transactions/{id} of a pre-authorization: take its money, once."""
    hold = _target(books, question)
    if not question.account.allow_recurring:
        raise turned_off()
    amount = _amount(question.body.get("amount"))
    is_fine = hold["status"] == "F" and amount <= hold["amount"]
    order = {**hold, "code": hold["order_code"]}
    made = books.new_transaction(
        order,
        type=CAPTURE,
        status="F" if is_fine else "E",
        amount=amount,
        event_id=0 if is_fine else REFUSED_HERE,
        card=hold["card"],
        parent=hold["id"],
        merchant_trns=question.body.get("merchantTrns") or hold["merchant_trns"],
    )
    if is_fine:
        hold["status"] = "C"
        books.keep(hold)
        books.tell(events.PAYMENT_CREATED, made)
    return _answer(made)


def reverse_request(books: Books, question: Question) -> Answer:
    """Answer DELETE /api/transactions/{id}: release, cancel or refund; without an amount all that is left."""
    target, query = _target(books, question), question.call.query
    if not question.account.allow_refunds:
        raise turned_off()
    amount = left_of(books, target)
    if "amount" in query:
        amount = _amount(int(query["amount"]) if query["amount"].isdigit() else query["amount"])
    if "currencyCode" in query and NAMES.get(query["currencyCode"]) != target["currency"]:
        raise OlderError(400, "The currency is not that of the transaction")
    named = query.get("merchantTrns") if question.account.names_reversals else None
    return _answer(reverse(books, target, amount, merchant_trns=named))


def reverse(books: Books, target: Document, amount: int, *, merchant_trns: str | None = None) -> Document:
    """Give back what is left of a payment, or part of it; on the day it was taken a whole one is cancelled.

    Viva says no to anything else: too much, a hold in part, one that was captured.
    """
    left, is_hold = left_of(books, target), target["type"] == HOLD
    is_whole = amount == target["amount"]
    is_fine = 0 < amount <= left and (is_whole or not is_hold) and target["type"] in (CHARGE, CAPTURE, HOLD)
    now = time.time()
    is_cancelled = is_hold or (is_whole and events.day_of(target["at"]) == events.day_of(now))
    order = {**target, "code": target["order_code"]}
    made = books.new_transaction(
        order,
        type=VOID if is_cancelled else REFUND,
        status="F" if is_fine else "E",
        amount=amount,
        event_id=0 if is_fine else REFUSED_HERE,
        card=target["card"],
        parent=target["id"],
        merchant_trns=merchant_trns or target["merchant_trns"],
    )
    if is_fine:
        target["status"] = "X" if is_cancelled else "R"
        books.keep(target)
        books.tell(events.REVERSAL_CREATED, made)
    return made


def left_of(books: Books, transaction: Document) -> int:
    """Return what of a transaction has not gone back, in minor units; of a captured hold nothing is left."""
    if transaction["status"] in ("E", "A", "C", "ML"):
        return 0
    left: int = transaction["amount"] - gone_of(books, transaction)
    return left


def gone_of(books: Books, transaction: Document) -> int:
    """Return what of a transaction has gone back, in minor units."""
    reversals = books.transactions(parent=transaction["id"], status="F")
    return sum(one["amount"] for one in reversals if one["type"] in (REFUND, VOID))


def is_hold(books: Books, transaction_id: str) -> bool:
    """Say whether a transaction only holds money: then POST captures it and DELETE releases it."""
    found = books.transaction(transaction_id)
    return found is not None and found["type"] == HOLD


def settle(books: Books, transaction: Document, *, is_yes: bool) -> None:
    """Decide an attempt that was under way."""
    transaction["status"] = "F" if is_yes else "E"
    transaction["event_id"] = 0 if is_yes else 10005
    books.keep(transaction)
    order = books.order(str(transaction["order_code"]))
    if is_yes and order is not None:
        order["state"] = PAID
        books.keep_order(order)
    books.tell(events.PAYMENT_CREATED if is_yes else events.PAYMENT_FAILED, transaction)


def _target(books: Books, question: Question) -> Document:
    found = books.transaction(question.call.parameters["id"], question.account)
    if found is None:
        raise unknown_transaction()
    return found


def _amount(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise OlderError(400, "The amount is not valid")
    return value


def _fine(body: Document) -> Document:
    return {**body, "ErrorCode": 0, "ErrorText": None, "CorrelationId": None, "EventId": 0, "Success": True}


def _answer(made: Document) -> Answer:
    """Return what a charge, capture or reversal is answered with: HTTP 200, whether it worked or not."""
    is_fine = made["status"] != "E"
    body = {
        "Emv": None,
        "Amount": major(events.signed(made)),
        "StatusId": made["status"],
        "CurrencyCode": NUMBERS[made["currency"]],
        "TransactionId": made["id"],
        "TransactionTypeId": made["type"],
        "ReferenceNumber": made["reference_number"],
        "AuthorizationId": str(made["reference_number"]),
        "RetrievalReferenceNumber": f"4326{made['reference_number']:08d}",
        "Loyalty": None,
        "ThreeDSecureStatusId": 2,
        "RedirectUrl": None,
        "ErrorCode": 0 if is_fine else TRANSACTION_FAILED,
        "ErrorText": None if is_fine else "Transaction failed",
        "TimeStamp": events.stamp(made["at"]),
        "CorrelationId": None,
        "EventId": made["event_id"],
        "Success": is_fine,
    }
    return Answer(status=200, body=body)


def _listed(found: Document) -> Document:
    card = found["card"]
    return {
        "Fee": 0.0,
        "BankId": "NET_VISA",
        "ParentId": found["parent"],
        "Switching": False,
        "Amount": major(events.signed(found)),
        "StatusId": found["status"],
        "MerchantId": found["merchant_id"],
        "InsDate": events.stamp(found["at"]),
        "TipAmount": 0.0,
        "SourceCode": found["source_code"],
        "TransactionId": found["id"],
        "Commission": 0.0,
        "MerchantTrns": found["merchant_trns"],
        "CurrencyCode": NUMBERS[found["currency"]],
        "CustomerTrns": None,
        "IsManualRefund": False,
        "AuthorizationId": str(found["reference_number"]),
        "TotalInstallments": 0,
        "CurrentInstallment": 0,
        "ClearanceDate": None,
        "RetrievalReferenceNumber": f"4326{found['reference_number']:08d}",
        "Order": {"OrderCode": found["order_code"], "SourceCode": found["source_code"], "Tags": []},
        "Payment": {"Email": None, "FullName": None, "Installments": 0, "RecurringSupport": found["recurring"]},
        "TransactionType": {"Name": TYPES.get(found["type"], ""), "TransactionTypeId": found["type"]},
        "CreditCard": {
            "Token": None,
            "Number": card["number"],
            "CountryCode": "GB",
            "IssuingBank": None,
            "CardHolderName": None,
            "ExpirationDate": card["expires"],
            "CardType": {"Name": TYPE_NAMES.get(card["type_id"], "Unknown"), "CardTypeId": card["type_id"]},
        },
    }
