"""Accounts and their credentials, from the configuration or set while running."""

import hmac
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from gateways.sandbox.config import BadConfig
from gateways.sandbox.store import Document

# What docs/stripe.md tells to subscribe to.
USUAL_EVENTS = """
charge.succeeded charge.failed charge.dispute.created charge.dispute.updated charge.dispute.closed
charge.dispute.funds_withdrawn charge.dispute.funds_reinstated payment_intent.succeeded payment_intent.payment_failed
payment_intent.processing payment_intent.canceled refund.created refund.updated refund.failed
payment_method.automatically_updated payment_method.detached payout.reconciliation_completed
reporting.report_run.succeeded radar.early_fraud_warning.created
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account. `enabled_events` are what its webhook endpoint is subscribed to; `*` is everything."""

    account: str
    secret_key: str = field(repr=False)
    publishable_key: str
    webhook_secret: str = field(repr=False)
    webhook_url: str = ""
    live: bool = False
    enabled_events: str = USUAL_EVENTS

    def shown(self) -> Document:
        """Return the account without its secrets."""
        shown = asdict(self)
        for name in ("secret_key", "webhook_secret"):
            shown[name] = "[hidden]" if shown[name] else ""
        return shown

    def wants(self, event: str) -> bool:
        """Say whether the endpoint is subscribed to an event."""
        enabled = self.enabled_events.split()
        return "*" in enabled or event in enabled


def read_account(document: dict[str, Any]) -> Account:
    """Check a configured account.

    :raises BadConfig: a field is missing, unknown or of a wrong type.
    """
    unknown = set(document) - {one.name for one in fields(Account)}
    if unknown:
        raise BadConfig(f"a Stripe account has no field {sorted(unknown)[0]!r}.")
    for name in ("account", "secret_key", "publishable_key", "webhook_secret"):
        if not document.get(name):
            raise BadConfig(f"a Stripe account needs {name}.")
    for name, value in document.items():
        wanted = bool if name == "live" else str
        if not isinstance(value, wanted):
            raise BadConfig(f"{name} of a Stripe account must be of type {wanted.__name__}.")
    return Account(**document)


def account_for(accounts: Iterable[Account], authorization: str) -> tuple[Account, bool] | None:
    """Return the account that a bearer key opens, and whether the key is the secret one; None for no such key."""
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key:
        return None
    for account in accounts:
        if hmac.compare_digest(account.secret_key.encode(), key.encode()):
            return account, True
        if hmac.compare_digest(account.publishable_key.encode(), key.encode()):
            return account, False
    return None
