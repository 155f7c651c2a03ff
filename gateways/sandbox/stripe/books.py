"""Stripe's state: accounts, customers, cards, intents, charges, refunds, disputes; and the way to tell of a change."""

import copy
import secrets
import string
import time
from collections.abc import Iterator

from gateways.sandbox.store import Document, Store
from gateways.sandbox.stripe import objects
from gateways.sandbox.stripe.accounts import Account, read_account
from gateways.sandbox.stripe.errors import missing
from gateways.sandbox.webhooks import Courier

SLUG = "stripe"
ACCOUNTS, CUSTOMERS, METHODS, INTENTS = "stripe.accounts", "stripe.customers", "stripe.methods", "stripe.intents"
CHARGES, REFUNDS, DISPUTES, CHALLENGES = "stripe.charges", "stripe.refunds", "stripe.disputes", "stripe.challenges"
# What the API calls the things of a kind.
_WORDS = {
    CUSTOMERS: "customer",
    METHODS: "PaymentMethod",
    INTENTS: "payment_intent",
    CHARGES: "charge",
    REFUNDS: "refund",
    DISPUTES: "dispute",
}
_LETTERS = string.ascii_letters + string.digits


class Books:
    """Typed access to the documents of this processor.

    A document is `{"account", "api", ...}`: whose it is, the object as the API shows it, and what only the sandbox
    needs to know.
    """

    def __init__(self, store: Store, courier: Courier) -> None:
        self.store = store
        self._courier = courier
        self._accounts: dict[str, Account] = {}
        for document in store.all(ACCOUNTS).values():
            account = read_account(document)
            self._accounts[account.account] = account

    @staticmethod
    def new_id(prefix: str) -> str:
        """Return a new identifier in Stripe's spelling."""
        return f"{prefix}_" + "".join(secrets.choice(_LETTERS) for _ in range(24))

    def accounts(self) -> tuple[Account, ...]:
        """Return all accounts."""
        return tuple(self._accounts.values())

    def account(self, name: str) -> Account | None:
        """Return one account, or None."""
        return self._accounts.get(name)

    def put_account(self, document: Document) -> Account:
        """Add or change an account, and try its failing webhooks again.

        :raises BadConfig: the account is not well described.
        """
        account = read_account(document)
        self._accounts[account.account] = account
        self.store.put(ACCOUNTS, account.account, dict(document))
        self._courier.hurry(gateway=SLUG, account=account.account)
        return account

    def find(self, kind: str, name: str, account: Account | None = None, *, param: str = "id") -> Document:
        """Return a document.

        :raises ApiError: there is none, or it is another account's. As a parameter it is 400, in the path 404.
        """
        found = self.store.get(kind, name)
        if found is None or (account is not None and found["account"] != account.account):
            raise missing(_WORDS[kind], name, param=param, status=404 if param == "id" else 400)
        return found

    def keep(self, kind: str, document: Document) -> None:
        """Keep a document after a change."""
        self.store.put(kind, document["api"]["id"], document)

    def of_intent(self, kind: str, intent_id: str) -> Iterator[Document]:
        """Return the charges, refunds or disputes of an intent, newest first."""
        for document in reversed(list(self.store.all(kind).values())):
            if document["api"]["payment_intent"] == intent_id:
                yield document

    def tell(
        self,
        kind: str,
        document: Document,
        *,
        before: Document | None = None,
        after: Document | None = None,
        delay_seconds: float = 0.0,
    ) -> Document:
        """Queue an event of a change, with the object as it is now, where the account wants to know; return it.

        `after` is an earlier event of the same object. In the real world days lie between the two; here the second is
        dated at least a second later, because Stripe's dates have no fractions.
        """
        account = self._accounts[document["account"]]
        moment = int(time.time())
        if after is not None:
            moment = max(moment, after["created"] + 1)
        item = objects.event(
            name=self.new_id("evt"),
            at=moment,
            live=account.live,
            kind=kind,
            thing=copy.deepcopy(document["api"]),
            before=before,
        )
        if account.wants(kind):
            self._courier.publish(
                gateway=SLUG, account=account.account, event=kind, item=item, delay_seconds=delay_seconds
            )
        return item
