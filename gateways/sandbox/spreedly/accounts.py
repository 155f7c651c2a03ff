"""Environments with one gateway each, and their credentials, from the configuration or set while running."""

import base64
import binascii
import hmac
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from gateways.sandbox.config import BadConfig
from gateways.sandbox.store import Document

_SECRETS = ("access_secret", "signing_secret")
_NEEDED = ("environment_key", "access_secret", "gateway_token", "signing_secret")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One environment.

    `webhook_url` is where callbacks go, whatever address a charge names: the stand-in for a web server that stands
    elsewhere than it says. `certificates` are public keys in PEM by token; with `signed_pages_only` a page must
    be signed by one of them. `live` says that the gateway is no test gateway.
    """

    environment_key: str
    access_secret: str = field(repr=False)
    gateway_token: str
    signing_secret: str = field(repr=False)
    webhook_url: str = ""
    certificates: dict[str, str] = field(default_factory=dict)
    signed_pages_only: bool = False
    live: bool = False

    def shown(self) -> Document:
        """Return the account without its secrets."""
        shown = asdict(self)
        for name in _SECRETS:
            shown[name] = "[hidden]" if shown[name] else ""
        return shown


_TYPES: dict[str, type] = {"certificates": dict, "signed_pages_only": bool, "live": bool}


def read_account(document: dict[str, Any]) -> Account:
    """Check a configured account.

    :raises BadConfig: a field is missing, unknown or of a wrong type.
    """
    unknown = set(document) - {one.name for one in fields(Account)}
    if unknown:
        raise BadConfig(f"a Spreedly account has no field {sorted(unknown)[0]!r}.")
    for name in _NEEDED:
        if not document.get(name):
            raise BadConfig(f"a Spreedly account needs {name}.")
    for name, value in document.items():
        if not isinstance(value, _TYPES.get(name, str)):
            raise BadConfig(f"{name} of a Spreedly account must be of type {_TYPES.get(name, str).__name__}.")
    return Account(**document)


def account_for(accounts: Iterable[Account], authorization: str) -> Account | None:
    """Return the account whose environment key and access secret a basic authorization names."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        key, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    if scheme.lower() != "basic":
        return None
    found = next((account for account in accounts if account.environment_key == key), None)
    if found is None or not hmac.compare_digest(found.access_secret.encode(), secret.encode()):
        return None
    return found
