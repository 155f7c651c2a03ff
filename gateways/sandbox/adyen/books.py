"""Adyen's state: accounts, sessions, payments, stored cards; and the way to tell a merchant what happened."""

import secrets
import string
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from gateways.sandbox.adyen import notifications
from gateways.sandbox.adyen.accounts import Account, read_account
from gateways.sandbox.adyen.errors import unknown_payment, wrong_merchant_account
from gateways.sandbox.store import Document, Store
from gateways.sandbox.webhooks import Courier

SLUG = "adyen"
ACCOUNTS, SESSIONS, RESULTS = "adyen.accounts", "adyen.sessions", "adyen.session_results"
PAYMENTS, CHALLENGES, TOKENS, KEYS = "adyen.payments", "adyen.challenges", "adyen.tokens", "adyen.idempotency"
_REFERENCE_ALPHABET = string.ascii_uppercase + string.digits


class Books:
    """Typed access to the documents of this processor."""

    def __init__(self, store: Store, courier: Courier) -> None:
        self.store = store
        self._courier = courier
        self._accounts: dict[str, Account] = {}
        for document in store.all(ACCOUNTS).values():
            account = read_account(document)
            self._accounts[account.merchant_account] = account

    def new_reference(self) -> str:
        """Return a new pspReference: 16 upper-case letters and digits."""
        return "".join(secrets.choice(_REFERENCE_ALPHABET) for _ in range(16))

    def accounts(self) -> tuple[Account, ...]:
        """Return all merchant accounts."""
        return tuple(self._accounts.values())

    def account(self, merchant_account: str) -> Account | None:
        """Return one merchant account, or None."""
        return self._accounts.get(merchant_account)

    def put_account(self, document: Document) -> Account:
        """Add or change a merchant account, and try its failing webhooks again.

        :raises BadConfig: the account is not well described.
        """
        account = read_account(document)
        self._accounts[account.merchant_account] = account
        self.store.put(ACCOUNTS, account.merchant_account, dict(document))
        self._courier.hurry(gateway=SLUG, account=account.merchant_account)
        return account

    def payment(self, psp_reference: str, account: Account | None = None) -> Document:
        """Return a payment.

        :raises ApiError: 167, there is none, or it is another merchant account's.
        """
        payment = self.store.get(PAYMENTS, psp_reference)
        if payment is None or (account is not None and payment["merchantAccount"] != account.merchant_account):
            raise unknown_payment()
        return payment

    def payments(self, *, merchant_account: str | None = None, reference: str | None = None) -> Iterator[Document]:
        """Return the payments, oldest first."""
        for payment in self.store.all(PAYMENTS).values():
            if merchant_account in (None, payment["merchantAccount"]) and reference in (
                None,
                payment["merchantReference"],
            ):
                yield payment

    def keep_payment(self, payment: Document) -> None:
        """Keep a payment after a change."""
        self.store.put(PAYMENTS, payment["pspReference"], payment)

    def notify(self, item: Document, *, after: Document | None = None, delay_seconds: float = 0.0) -> Document:
        """Queue a webhook and return its item.

        `after` is an earlier item of the same operation. In the real world days lie between the two; here the second
        is dated at least a second later, because Adyen's dates have no fractions.
        """
        moment = int(time.time())
        if after is not None:
            moment = max(moment, int(datetime.fromisoformat(after["eventDate"]).timestamp()) + 1)
        item["eventDate"] = stamp(moment)
        merchant_account = item["merchantAccountCode"]
        if merchant_account not in self._accounts:
            raise wrong_merchant_account()
        self._courier.publish(
            gateway=SLUG,
            account=merchant_account,
            event=item["eventCode"],
            item=item,
            delay_seconds=delay_seconds,
        )
        return item

    def notify_of_token(self, token: Document, *, event: str, event_id: str) -> None:
        """Queue a webhook of the life of a token, where the account has asked for them."""
        account = self._accounts.get(token["merchantAccount"])
        if account is None or not account.token_webhooks:
            return
        item = notifications.token_event(
            token, event=event, event_id=event_id, at=stamp(time.time()), live=account.live
        )
        self._courier.publish(gateway=SLUG, account=account.merchant_account, event=item["type"], item=item)

    def sign(self, merchant_account: str, item: Document) -> Document:
        """Return an item with the signature of its account; what is signed as a whole is signed when it is sent."""
        account = self._accounts.get(merchant_account)
        if notifications.is_signed_as_a_whole(item):
            return item
        return item if account is None else notifications.with_signature(item, account.hmac_key)


def stamp(moment: float) -> str:
    """Return a time as Adyen writes it: ISO 8601, whole seconds, with an offset."""
    return datetime.fromtimestamp(int(moment), UTC).isoformat()
