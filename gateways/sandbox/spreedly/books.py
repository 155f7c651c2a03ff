"""Spreedly's state: accounts, cards, transactions; and the way to tell a merchant what became of a charge."""

import secrets
import string
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from gateways.sandbox.spreedly.accounts import Account, read_account
from gateways.sandbox.spreedly.errors import card_not_found, transaction_not_found
from gateways.sandbox.store import Document, Store
from gateways.sandbox.webhooks import Courier

SLUG = "spreedly"
ACCOUNTS, CARDS, TRANSACTIONS, NONCES = (
    "spreedly.accounts",
    "spreedly.cards",
    "spreedly.transactions",
    "spreedly.nonces",
)
_ALPHABET = string.ascii_letters + string.digits


class Books:
    """Typed access to the documents of this processor."""

    def __init__(self, store: Store, courier: Courier) -> None:
        self.store = store
        self._courier = courier
        self._accounts: dict[str, Account] = {}
        for document in store.all(ACCOUNTS).values():
            account = read_account(document)
            self._accounts[account.environment_key] = account

    def new_token(self) -> str:
        """Return a new token: 27 letters and digits."""
        return "".join(secrets.choice(_ALPHABET) for _ in range(27))

    def accounts(self) -> tuple[Account, ...]:
        """Return all accounts."""
        return tuple(self._accounts.values())

    def account(self, environment_key: str) -> Account | None:
        """Return one account, or None."""
        return self._accounts.get(environment_key)

    def put_account(self, document: Document) -> Account:
        """Add or change an account, and try its failing callbacks again.

        :raises BadConfig: the account is not well described.
        """
        account = read_account(document)
        self._accounts[account.environment_key] = account
        self.store.put(ACCOUNTS, account.environment_key, dict(document))
        self._courier.hurry(gateway=SLUG, account=account.environment_key)
        return account

    def card(self, token: str, account: Account | None = None) -> Document:
        """Return a card.

        :raises ApiError: there is none, or it is another environment's.
        """
        card = self.store.get(CARDS, token)
        if card is None or (account is not None and card["account"] != account.environment_key):
            raise card_not_found()
        return card

    def keep_card(self, card: Document) -> None:
        """Keep a card after a change."""
        card["updated_at"] = stamp()
        self.store.put(CARDS, card["token"], card)

    def transaction(self, token: str, account: Account | None = None) -> Document:
        """Return a transaction.

        :raises ApiError: there is none, or it is another environment's.
        """
        transaction = self.store.get(TRANSACTIONS, token)
        if transaction is None or (account is not None and transaction["account"] != account.environment_key):
            raise transaction_not_found()
        return transaction

    def transactions(self, *, account: str | None = None, order_id: str | None = None) -> Iterator[Document]:
        """Return the transactions, oldest first."""
        for transaction in self.store.all(TRANSACTIONS).values():
            if account in (None, transaction["account"]) and order_id in (None, transaction["order_id"]):
                yield transaction

    def keep_transaction(self, transaction: Document) -> None:
        """Keep a transaction after a change."""
        transaction["updated_at"] = stamp()
        self.store.put(TRANSACTIONS, transaction["token"], transaction)

    def notify(self, account: str, item: Document) -> None:
        """Queue a callback."""
        self._courier.publish(gateway=SLUG, account=account, event=item["transaction_type"], item=item)


def stamp() -> str:
    """Return the time as Spreedly writes it: UTC, whole seconds."""
    return datetime.fromtimestamp(int(time.time()), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
