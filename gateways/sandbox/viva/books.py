"""Viva's state: merchants, access tokens, orders, transactions; and the way to tell a merchant what happened."""

import secrets
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from gateways.sandbox.cards import passes_luhn
from gateways.sandbox.store import Document, Store
from gateways.sandbox.viva import events
from gateways.sandbox.viva.accounts import Account, read_account
from gateways.sandbox.webhooks import Courier

SLUG = "viva"
ACCOUNTS, ACCESS, ORDERS = "viva.accounts", "viva.access_tokens", "viva.orders"
TRANSACTIONS, CHALLENGES = "viva.transactions", "viva.challenges"
PENDING, EXPIRED, CANCELLED, PAID = 0, 1, 2, 3
# transactionTypeId
CAPTURE, HOLD, REFUND, CHARGE, VOID = 0, 1, 4, 5, 7


class Books:
    """Typed access to the documents of this processor."""

    def __init__(self, store: Store, courier: Courier) -> None:
        self.store = store
        self._courier = courier
        self._accounts: dict[str, Account] = {}
        for document in store.all(ACCOUNTS).values():
            account = read_account(document)
            self._accounts[account.merchant_id] = account

    def accounts(self) -> tuple[Account, ...]:
        """Return all merchants."""
        return tuple(self._accounts.values())

    def account(self, merchant_id: str) -> Account | None:
        """Return one merchant, or None."""
        return self._accounts.get(merchant_id)

    def put_account(self, document: Document) -> Account:
        """Add or change a merchant, and try its failing webhooks again. It keeps the webhook key it was first given.

        :raises BadConfig: the account is not well described.
        """
        read_account(document)
        known = self.store.get(ACCOUNTS, document["merchant_id"]) or {}
        key = document.get("webhook_key") or known.get("webhook_key") or secrets.token_hex(20).upper()
        account = read_account({**document, "webhook_key": key})
        self._accounts[account.merchant_id] = account
        self.store.put(ACCOUNTS, account.merchant_id, {**document, "webhook_key": key})
        self._courier.hurry(gateway=SLUG, account=account.merchant_id)
        return account

    def new_order_code(self) -> int:
        """Return a new order code of sixteen digits.

        A tenth of Viva's codes would pass for a card number. These do not, or the request log would hide them.
        """
        while True:
            code = secrets.randbelow(9 * 10**15) + 10**15
            if self.store.get(ORDERS, str(code)) is None and not passes_luhn(str(code)):
                return code

    def order(self, code: str, account: Account | None = None) -> Document | None:
        """Return an order, with the state it is in now; None if there is none, or it is another merchant's."""
        order = self.store.get(ORDERS, code)
        if order is None or (account is not None and order["merchant_id"] != account.merchant_id):
            return None
        if order["state"] == PENDING and order["expires_at"] <= time.time():
            order["state"] = EXPIRED
            self.store.put(ORDERS, code, order)
        return order

    def keep_order(self, order: Document) -> None:
        """Keep an order after a change."""
        self.store.put(ORDERS, str(order["code"]), order)

    def transaction(self, transaction_id: str, account: Account | None = None) -> Document | None:
        """Return a transaction; None if there is none, or it is another merchant's."""
        found = self.store.get(TRANSACTIONS, transaction_id.lower())
        return None if found is None or (account and found["merchant_id"] != account.merchant_id) else found

    def transactions(self, **wanted: Any) -> Iterator[Document]:
        """Return the transactions, oldest first, whose fields have these values."""
        for found in self.store.all(TRANSACTIONS).values():
            if all(found[name] == value for name, value in wanted.items()):
                yield found

    def new_transaction(self, order: Document, **more: Any) -> Document:
        """Make a transaction in an order and keep it."""
        made: Document = {
            "id": str(uuid4()),
            "merchant_id": order["merchant_id"],
            "order_code": order["code"],
            "status": "F",
            "currency": order["currency"],
            "parent": None,
            "merchant_trns": order["merchant_trns"],
            "source_code": order["source_code"],
            "event_id": 0,
            "recurring": False,
            "charged_back": 0,
            "at": time.time(),
            "reference_number": secrets.randbelow(900_000) + 100_000,
            **more,
        }
        self.keep(made)
        return made

    def new_challenge(self, order: Document, card: Document) -> str:
        """Return the name of a question that the guest's bank asks before an order is paid with a card."""
        name = secrets.token_urlsafe(16)
        self.store.put(CHALLENGES, name, {"order_code": order["code"], "card": card})
        return name

    def keep(self, transaction: Document) -> None:
        """Keep a transaction after a change."""
        self.store.put(TRANSACTIONS, transaction["id"], transaction)

    def tell(self, event: int, transaction: Document) -> None:
        """Queue the webhook of a transaction."""
        self._publish(transaction["merchant_id"], event, events.of_transaction(transaction, self._email(transaction)))
        account = self._accounts[transaction["merchant_id"]]
        if event == events.PAYMENT_CREATED and account.price_webhooks:
            self._publish(account.merchant_id, events.PRICE_CALCULATED, events.of_price(transaction))

    def tell_cancelled(self, order: Document) -> None:
        """Queue the webhook of a cancelled order."""
        self._publish(order["merchant_id"], events.ORDER_UPDATED, events.of_order(order))

    def wrap(self, merchant_id: str, event: int, content: Document) -> Document:
        """Return a webhook's whole body."""
        url = self._accounts[merchant_id].webhook_url
        return events.envelope(event, content, merchant_id=merchant_id, url=url)

    def _publish(self, merchant_id: str, event: int, content: Document) -> None:
        item = self.wrap(merchant_id, event, content)
        self._courier.publish(gateway=SLUG, account=merchant_id, event=str(event), item=item)

    def _email(self, transaction: Document) -> str | None:
        order = self.store.get(ORDERS, str(transaction["order_code"])) or {}
        return (order.get("customer") or {}).get("email")
