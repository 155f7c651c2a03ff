"""Merchants and their credentials, from the configuration or set while running."""

import base64
import hmac
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any
from uuid import UUID

from gateways.sandbox.config import BadConfig
from gateways.sandbox.store import Document
from gateways.sandbox.viva.currencies import NUMBERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One merchant.

    `currency` is what an order is in that names none. `success_url` and `failure_url` are those of the payment source
    `source_code`: Viva takes no address with an order. `allow_refunds` and `allow_recurring` are the switches under
    API Access. `names_reversals` off means that a reversal bears the payment's reference and not the one it was asked
    with, of which Viva's docs say nothing. `price_webhooks` adds event 1799.
    """

    merchant_id: str
    api_key: str = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)
    webhook_url: str = ""
    webhook_key: str = field(default="", repr=False)
    source_code: str = "Default"
    success_url: str = ""
    failure_url: str = ""
    currency: str = "EUR"
    allow_refunds: bool = True
    allow_recurring: bool = True
    names_reversals: bool = True
    price_webhooks: bool = False

    def shown(self) -> Document:
        """Return the account without its secrets."""
        shown = asdict(self)
        for name in ("api_key", "client_secret", "webhook_key"):
            shown[name] = "[hidden]" if shown[name] else ""
        return shown


def read_account(document: dict[str, Any]) -> Account:
    """Check a configured account.

    :raises BadConfig: a field is missing, unknown or of a wrong type.
    """
    types = {one.name: bool if one.type in (bool, "bool") else str for one in fields(Account)}
    if unknown := set(document) - set(types):
        raise BadConfig(f"a Viva account has no field {sorted(unknown)[0]!r}.")
    for name in ("merchant_id", "api_key", "client_id", "client_secret"):
        if not document.get(name):
            raise BadConfig(f"a Viva account needs {name}.")
    for name, value in document.items():
        if not isinstance(value, types[name]):
            raise BadConfig(f"{name} of a Viva account must be of type {types[name].__name__}.")
    try:
        UUID(document["merchant_id"])
    except ValueError:
        raise BadConfig("merchant_id of a Viva account must be a UUID.") from None
    if document.get("currency", "EUR") not in NUMBERS:
        raise BadConfig("currency of a Viva account must be one that Viva settles.")
    return Account(**document)


def by_client(accounts: Iterable[Account], authorization: str) -> Account | None:
    """Return the account whose client id and secret a Basic header holds."""
    return _named(accounts, authorization, lambda account: f"{account.client_id}:{account.client_secret}")


def by_merchant(accounts: Iterable[Account], authorization: str) -> Account | None:
    """Return the account whose merchant id and API key a Basic header holds."""
    return _named(accounts, authorization, lambda account: f"{account.merchant_id}:{account.api_key}")


def _named(accounts: Iterable[Account], authorization: str, pair_of: Any) -> Account | None:
    given = authorization.encode()
    for account in accounts:
        wanted = b"Basic " + base64.b64encode(pair_of(account).encode())
        if hmac.compare_digest(given, wanted):
            return account
    return None
