"""Captures, voids and credits. Spreedly hands each to the processor and answers with what that said."""

from gateways.sandbox.spreedly import transactions
from gateways.sandbox.spreedly.accounts import Account
from gateways.sandbox.spreedly.books import Books
from gateways.sandbox.spreedly.errors import not_a_reference
from gateways.sandbox.store import Document

_NOT_SUCCESSFUL = "The reference transaction did not succeed. Only successful reference transactions are permitted."


def capture(books: Books, account: Account, parent: Document, wish: Document) -> Document:
    """Take held money once, whole or in part; the rest is released.

    :raises ApiError: the processor was not asked.
    """
    _check(parent, ("Authorization",))
    return _follow_up(books, account, "Capture", parent, wish)


def void(books: Books, account: Account, parent: Document, wish: Document) -> Document:
    """Release held money, or undo a purchase that nothing was given back of.

    :raises ApiError: the processor was not asked.
    """
    _check(parent, ("Authorization", "Purchase", "Capture"))
    return _follow_up(books, account, "Void", parent, {**wish, "amount": None})


def credit(books: Books, account: Account, parent: Document, wish: Document) -> Document:
    """Give money back, whole or in part.

    :raises ApiError: the processor was not asked.
    """
    _check(parent, ("Purchase", "Capture"))
    return _follow_up(books, account, "Credit", parent, wish)


def root_of(books: Books, transaction: Document) -> Document:
    """Return the charge that a transaction belongs to: it holds the sums."""
    while transaction["reference_token"] is not None:
        transaction = books.transaction(transaction["reference_token"])
    return transaction


def left(root: Document) -> int:
    """Return what is captured and not given back."""
    return int(root["captured"] - root["refunded"])


def _check(parent: Document, kinds: tuple[str, ...]) -> None:
    if not parent["succeeded"]:
        raise not_a_reference(_NOT_SUCCESSFUL)
    if parent["transaction_type"] not in kinds:
        raise not_a_reference(f"The reference transaction is no {' or '.join(kinds).lower()}.")


def _follow_up(books: Books, account: Account, kind: str, parent: Document, wish: Document) -> Document:
    root = root_of(books, parent)
    amount, currency = None, None
    if kind != "Void":
        full = root["amount"] if kind == "Capture" else left(root)
        currency = root["currency_code"]
        amount = full if wish.get("amount") is None else transactions.amount_in({"currency_code": currency, **wish})[0]
        if wish.get("currency_code", currency) != currency:
            amount = None
    transaction = transactions.begin(
        books, account, kind, wish, amount=amount, currency_code=currency, reference_token=parent["token"]
    )
    if _move(root, kind, amount):
        transactions.succeed(transaction)
        books.keep_transaction(root)
    else:
        transactions.refuse(transaction)
    books.keep_transaction(transaction)
    return transaction


def _move(root: Document, kind: str, amount: int | None) -> bool:
    """Move the money, if it is there and the processor is willing."""
    if kind == "Void":
        if root["cancelled"] or root["refunded"] or (root["captured"] and root["transaction_type"] == "Authorization"):
            return False
        root.update(cancelled=root["authorized"], captured=0)
        return True
    if amount is None or amount == transactions.REFUSED_AMOUNT or amount <= 0:
        return False
    if kind == "Capture":
        if root["captured"] or root["cancelled"] or amount > root["authorized"]:
            return False
        root["captured"] = amount
        return True
    if amount > left(root):
        return False
    root["refunded"] += amount
    return True
