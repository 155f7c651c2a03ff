"""Transactions: how one is begun, decided and shown."""

from typing import Any

from gateways.sandbox.spreedly import callbacks, cards
from gateways.sandbox.spreedly.accounts import Account
from gateways.sandbox.spreedly.books import CARDS, Books, stamp
from gateways.sandbox.spreedly.currencies import is_possible
from gateways.sandbox.spreedly.errors import ApiError, invalid
from gateways.sandbox.store import Document

SUCCEEDED, PENDING, UNKNOWN = "succeeded", "pending", "gateway_processing_result_unknown"
REFUSED = "gateway_processing_failed"
# The test gateway refuses captures and credits of this amount. Source: the tests of Spreedly's Ruby library.
REFUSED_AMOUNT = 44
_VERBS = {
    "Purchase": "purchase",
    "Authorization": "authorize",
    "Capture": "capture",
    "Void": "void",
    "Credit": "credit",
}
SUMS = ("authorized", "captured", "refunded", "cancelled")
_ECHOED = ("order_id", "description", "ip", "email", "merchant_name_descriptor", "merchant_location_descriptor")


def begin(books: Books, account: Account, kind: str, wish: Document, **more: Any) -> Document:
    """Return a transaction that is not decided yet, and not kept."""
    return {
        "token": books.new_token(),
        "account": account.environment_key,
        "transaction_type": kind,
        "created_at": stamp(),
        "updated_at": stamp(),
        "state": PENDING,
        "succeeded": False,
        "message_key": "messages.transaction_pending",
        "message": "Pending",
        "gateway_token": account.gateway_token,
        "on_test_gateway": not account.live,
        "gateway_transaction_id": None,
        "amount": None,
        "currency_code": None,
        "reason": "",
        "is_unknown": False,
        "reference_token": None,
        **{name: _text(wish, name) for name in _ECHOED},
        **dict.fromkeys(SUMS, 0),
        **more,
    }


def succeed(transaction: Document) -> None:
    """Say yes."""
    transaction.update(
        state=SUCCEEDED,
        succeeded=True,
        message_key="messages.transaction_succeeded",
        message="Succeeded!",
        required_action=None,
        is_unknown=False,
        gateway_transaction_id=transaction["token"][:8],
    )


def refuse(transaction: Document, reason: str = "") -> None:
    """Say no, with a reason or, as the test gateway, without one."""
    words = reason.replace("_", " ").capitalize()
    plain = f"Unable to process the {_VERBS[transaction['transaction_type']]} transaction."
    transaction.update(
        state=REFUSED,
        succeeded=False,
        message_key="messages.unable_to_process_transaction",
        message=words or plain,
        required_action=None,
        reason=reason,
    )


def leave_unknown(transaction: Document) -> None:
    """Say that nobody knows."""
    transaction.update(
        state=UNKNOWN,
        succeeded=False,
        message_key="messages.unable_to_process_transaction",
        message="We are unsure of the result.",
        is_unknown=True,
    )


def amount_in(wish: Document) -> tuple[int, str]:
    """Return amount and currency of a request.

    :raises ApiError: one is missing or makes no sense.
    """
    amount, currency = wish.get("amount"), wish.get("currency_code")
    if amount is None:
        raise invalid("amount", "errors.blank")
    if not isinstance(currency, str) or len(currency) != 3 or not currency.isalpha() or not currency.isupper():
        raise invalid("currency_code", "errors.blank" if not currency else "errors.invalid")
    if not isinstance(amount, int) or isinstance(amount, bool) or not is_possible(amount, currency):
        raise invalid("amount")
    return amount, currency


def wish_in(body: Any) -> Document:
    """Return what a request says of its transaction; a body may be left out where nothing is needed.

    :raises ApiError: it is no JSON object.
    """
    wish = body.get("transaction", {}) if isinstance(body, dict) else None
    if not isinstance(wish, dict):
        raise ApiError(422, "errors.invalid", "Transaction is invalid", "transaction")
    return wish


def tell(books: Books, transaction: Document) -> None:
    """Send a callback about a charge that had waited for the guest, where it named an address."""
    if transaction.get("callback_url"):
        books.notify(transaction["account"], callbacks.item_of(transaction))


def shown(books: Books, transaction: Document) -> Document:
    """Return a transaction as Spreedly shows it."""
    is_refused = transaction["state"] == REFUSED
    found: Document = {
        name: transaction[name]
        for name in (
            *("on_test_gateway", "created_at", "updated_at", "succeeded", "state", "token", "transaction_type"),
            *_ECHOED,
            *("gateway_transaction_id", "message_key", "message", "gateway_token"),
        )
    }
    found.update({"gateway_specific_fields": None, "gateway_specific_response_fields": {}, "gateway_latency_ms": 21})
    found["gateway_type"] = "test"
    if transaction["amount"] is not None:
        found.update({"amount": transaction["amount"], "currency_code": transaction["currency_code"]})
    if transaction["reference_token"] is not None:
        found["reference_token"] = transaction["reference_token"]
    found["response"] = {
        "success": transaction["succeeded"],
        "message": transaction["message"],
        "avs_code": None,
        "avs_message": None,
        "cvv_code": None,
        "cvv_message": None,
        "pending": transaction["state"] == PENDING,
        "result_unknown": transaction["is_unknown"],
        "error_code": transaction["reason"] or ("" if is_refused else None),
        "error_detail": None,
        "cancelled": False,
        "fraud_review": None,
        "created_at": transaction["updated_at"],
        "updated_at": transaction["updated_at"],
    }
    if transaction["reason"]:
        stopped = transaction["reason"] == cards.STOPPED
        outcome = {"failure_reason": "do_not_honor" if stopped else transaction["reason"], "network_advice_code": None}
        outcome["network_advice_code"] = cards.STOPPED if stopped else None
        found["gateway_response"] = {"payment_outcome_data": outcome}
    for name in ("retain_on_success", "payment_method_added", "callback_url", "redirect_url", "required_action"):
        if name in transaction:
            found[name] = transaction[name]
    if "card" in transaction:
        card = books.store.get(CARDS, transaction["card"])
        if card is not None:
            found["payment_method"] = cards.shown(card, storage_state=transaction["storage_state"])
    if "page" in transaction:
        asked = transaction.get("required_action")
        found["checkout_url"] = transaction["page"] if asked == "redirect" else None
        found["challenge_url"] = transaction["page"] if asked == "challenge" else None
    return found


def _text(wish: Document, name: str) -> str | None:
    value = wish.get(name)
    return value if isinstance(value, str) and value else None
