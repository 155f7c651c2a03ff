"""Purchases and authorizations, and 3-D Secure where the merchant asks for it and the card is enrolled.

Source: Spreedly docs, "Gateway specific 3DS2 guide": the amount says which way the test gateway goes. An enrolled card
with any other amount is asked for a challenge, which is this sandbox's choice.
"""

from gateways.sandbox.spreedly import cards, transactions
from gateways.sandbox.spreedly.accounts import Account
from gateways.sandbox.spreedly.books import Books
from gateways.sandbox.spreedly.errors import card_not_found, card_redacted, gateway_not_found, invalid, not_activated
from gateways.sandbox.store import Document

FINGERPRINT, CHALLENGE, REDIRECT = "device_fingerprint", "challenge", "redirect"
# Amount -> what the guest goes through, and whether that can succeed.
_WAYS: dict[int, tuple[tuple[str, ...], bool]] = {
    3001: ((), True),
    3002: ((REDIRECT,), True),
    3003: ((FINGERPRINT,), True),
    3004: ((FINGERPRINT, CHALLENGE), True),
    3005: ((CHALLENGE,), True),
    3103: ((FINGERPRINT,), False),
    3104: ((CHALLENGE,), False),
}
_USUAL_WAY: tuple[tuple[str, ...], bool] = ((CHALLENGE,), True)
NOT_AUTHENTICATED = "cardholder_authentication_required"


def charge(books: Books, account: Account, kind: str, wish: Document, *, gateway: str, origin: str) -> Document:
    """Try to charge a card and return the transaction, kept.

    :raises ApiError: the processor was not asked.
    """
    if gateway != account.gateway_token:
        raise gateway_not_found()
    token = wish.get("payment_method_token")
    if not isinstance(token, str) or not token:
        raise card_not_found()
    card = books.card(token, account)
    if card["storage_state"] == "redacted":
        raise card_redacted()
    cards.check_not_expired(card)
    if not card["test"] and not account.live:
        raise not_activated()
    amount, currency = transactions.amount_in(wish)
    if wish.get("attempt_3dsecure") is True:
        _check_ways_back(wish)
    transaction = transactions.begin(
        books,
        account,
        kind,
        wish,
        amount=amount,
        currency_code=currency,
        card=card["token"],
        # As at Spreedly, the state from before: a card that this charge has kept is called cached in its answer.
        storage_state=card["storage_state"],
        retain_on_success=wish.get("retain_on_success") is True,
        payment_method_added=False,
    )
    if wish.get("attempt_3dsecure") is True and card["enrolled"] is not None:
        _ask_the_guest(transaction, card, wish, origin)
    if not transaction.get("steps"):
        decide(books, transaction, card)
    books.keep_transaction(transaction)
    return transaction


def advance(books: Books, transaction: Document) -> None:
    """Do what `complete` does: go on after a fingerprint, and end what a guest has left."""
    if transaction["state"] != transactions.PENDING:
        return
    is_left = transaction.get("is_abandoned", False)
    if transaction["steps"][0] != FINGERPRINT and not is_left:
        return
    transaction["steps"] = [] if is_left else transaction["steps"][1:]
    if transaction["steps"]:
        _next_step(transaction)
        books.keep_transaction(transaction)
        return
    _finish(books, transaction, passed=not is_left)


def authenticate(books: Books, transaction: Document, *, passed: bool) -> None:
    """Let the guest finish the step that is asked for; a fingerprint still wants `complete`."""
    if transaction["state"] != transactions.PENDING or transaction["steps"][0] == FINGERPRINT:
        return
    transaction["steps"] = []
    _finish(books, transaction, passed=passed)


def decide(books: Books, transaction: Document, card: Document) -> None:
    """Let the bank say yes, no or nothing."""
    if card["says"] == cards.UNKNOWN:
        _move(transaction)
        transactions.leave_unknown(transaction)
        return
    if card["is_refused"] or card["says"]:
        transactions.refuse(transaction, card["says"])
        return
    _move(transaction)
    transactions.succeed(transaction)
    if transaction["retain_on_success"] and card["storage_state"] == "cached":
        card["storage_state"] = "retained"
        books.keep_card(card)


def settle_unknown(books: Books, transaction: Document) -> None:
    """Ask the processor what it did: it had charged the card."""
    if transaction["state"] == transactions.UNKNOWN:
        transactions.succeed(transaction)
        books.keep_transaction(transaction)


def _check_ways_back(wish: Document) -> None:
    """See that a guest could be asked and could come back, whether this card will ask or not."""
    for name in ("redirect_url", "callback_url"):
        if not isinstance(wish.get(name), str) or not wish[name]:
            raise invalid(name, "errors.blank")
    if wish.get("three_ds_version") != "2":
        raise invalid("three_ds_version")


def _ask_the_guest(transaction: Document, card: Document, wish: Document, origin: str) -> None:
    steps, can_succeed = _WAYS.get(transaction["amount"], _USUAL_WAY)
    transaction.update(
        redirect_url=wish["redirect_url"],
        callback_url=wish["callback_url"],
        callback_format=str(wish.get("callback_format") or "xml"),
        steps=list(steps),
        can_succeed=can_succeed and card["enrolled"],
        page=f"{origin}/spreedly/bank/{transaction['token']}",
    )
    if steps:
        _next_step(transaction)


def _next_step(transaction: Document) -> None:
    transaction["required_action"] = transaction["steps"][0]


def _finish(books: Books, transaction: Document, *, passed: bool) -> None:
    card = books.card(transaction["card"])
    if passed and transaction["can_succeed"]:
        decide(books, transaction, card)
    else:
        transactions.refuse(transaction, NOT_AUTHENTICATED)
    books.keep_transaction(transaction)
    transactions.tell(books, transaction)


def _move(transaction: Document) -> None:
    transaction["authorized"] = transaction["amount"]
    if transaction["transaction_type"] == "Purchase":
        transaction["captured"] = transaction["amount"]
