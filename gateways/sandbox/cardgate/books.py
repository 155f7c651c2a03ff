"""CardGate's state: accounts, invoices, kept cards; and the way to tell a merchant what happened."""

import copy
import secrets
import string
import time
from collections.abc import Iterator

from gateways.sandbox.cardgate.accounts import Account, read_account
from gateways.sandbox.cardgate.errors import not_found
from gateways.sandbox.store import Document, Store
from gateways.sandbox.webhooks import Courier

SLUG = "cardgate"
ACCOUNTS, INVOICES, REFERENCES = "cardgate.accounts", "cardgate.invoices", "cardgate.references"
TOKENS, CHALLENGES = "cardgate.tokens", "cardgate.challenges"
_LETTERS = string.ascii_letters + string.digits
FINAL = frozenset({"processed", "partially_processed", "process_failed", "expired", "terminated"}) | frozenset(
    {"refunded", "partially_refunded", "refund_failed", "charged_back"}
)
# What a guest can still pay.
OPEN = frozenset({"created", "process_pending", "process_error"})


class Books:
    """Typed access to the documents of this processor. Amounts are whole minor units here."""

    def __init__(self, store: Store, courier: Courier) -> None:
        self.store = store
        self._courier = courier
        self._accounts: dict[str, Account] = {}
        for document in store.all(ACCOUNTS).values():
            account = read_account(document)
            self._accounts[account.account_id] = account

    def accounts(self) -> tuple[Account, ...]:
        """Return all accounts."""
        return tuple(self._accounts.values())

    def account(self, account_id: str) -> Account | None:
        """Return one account, or None."""
        return self._accounts.get(account_id)

    def put_account(self, document: Document) -> Account:
        """Add or change an account, and try its failing callbacks again.

        :raises BadConfig: the account is not well described.
        """
        account = read_account(document)
        self._accounts[account.account_id] = account
        self.store.put(ACCOUNTS, account.account_id, dict(document))
        self._courier.hurry(gateway=SLUG, account=account.account_id)
        return account

    def invoice(self, name: str, account: Account | None = None) -> Document:
        """Return an invoice as it stands now; one whose time is over has expired, and its merchant is told.

        :raises ApiError: 404, there is none, or it is another account's.
        """
        invoice = self.store.get(INVOICES, name)
        if invoice is None or (account is not None and invoice["account"] != account.account_id):
            raise not_found()
        if invoice["status"] in OPEN and invoice["expires"] is not None and invoice["expires"] <= time.time():
            self.end(invoice, "expired")
        return invoice

    def invoices(self, *, account: Account | None = None, reference: str | None = None) -> Iterator[Document]:
        """Return the invoices as they stand now, oldest first."""
        for name, invoice in list(self.store.all(INVOICES).items()):
            if account is not None and invoice["account"] != account.account_id:
                continue
            if reference in (None, invoice["reference_id"]):
                yield self.invoice(name)

    def invoice_of_sid(self, sid: str) -> Document:
        """Return the invoice of a page.

        :raises ApiError: 404.
        """
        for name, invoice in self.store.all(INVOICES).items():
            if invoice["sid"] == sid:
                return self.invoice(name)
        raise not_found()

    def change(self, invoice: Document, **changes: object) -> None:
        """Keep an invoice after a change, and tell its merchant."""
        invoice.update(changes)
        invoice["updated"] = int(time.time())
        self.store.put(INVOICES, invoice["id"], invoice)
        self.tell(invoice)

    def end(self, invoice: Document, status: str) -> None:
        """End an invoice that nobody paid, as `expired` or `terminated`."""
        self.change(invoice, status=status, challenge=None)

    def tell(self, invoice: Document) -> None:
        """Queue a callback with the invoice as it is now."""
        account = self._accounts[invoice["account"]]
        if account.final_only and invoice["status"] not in FINAL:
            return
        self._courier.publish(
            gateway=SLUG, account=account.account_id, event=invoice["status"], item=copy.deepcopy(invoice)
        )

    def is_taken(self, account: Account, kind: str, reference: str) -> bool:
        """Say whether a reference of an account was used before."""
        return self.store.get(REFERENCES, f"{account.account_id}:{kind}:{reference}") is not None

    def take_reference(self, account: Account, kind: str, reference: str) -> bool:
        """Use up a reference of an account; False when it was used before."""
        if self.is_taken(account, kind, reference):
            return False
        self.store.put(REFERENCES, f"{account.account_id}:{kind}:{reference}", {})
        return True

    def token(self, token: str, account_id: str, customer: str) -> Document | None:
        """Return a kept card of one customer, or None."""
        kept = self.store.get(TOKENS, token)
        is_theirs = kept is not None and (kept["account"], kept["customer"]) == (account_id, customer)
        return kept if is_theirs else None


def new_id(prefix: str, length: int = 16) -> str:
    """Return a new id such as `cpi_ADzwZTG99f3q3utQ`, or letters alone without a prefix."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(length))
    return f"{prefix}_{letters}" if prefix else letters
