"""Commerce accounts and their credentials, from the configuration or set while running."""

import base64
import binascii
import hmac
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from gateways.sandbox.config import BadConfig
from gateways.sandbox.store import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One commerce account.

    `private_key` signs callbacks and the tokens of sales. `attempt_limit` is how often a guest may try before an
    invoice has failed. `duplicate_status` is how a used `reference_id` is refused, of which the vendor says only "429,
    too many or duplicate" on one page. `final_only` sends callbacks of final statuses alone.
    """

    account_id: str
    api_key: str = field(repr=False)
    private_key: str = field(repr=False)
    webhook_url: str = ""
    live: bool = False
    attempt_limit: int = 5
    duplicate_status: int = 422
    final_only: bool = False

    def shown(self) -> Document:
        """Return the account without its secrets."""
        return {**asdict(self), "api_key": "[hidden]", "private_key": "[hidden]"}


def read_account(document: dict[str, Any]) -> Account:
    """Check a configured account.

    :raises BadConfig: a field is missing, unknown or of a wrong type.
    """
    types = {one.name: one.type for one in fields(Account)}
    unknown = set(document) - set(types)
    if unknown:
        raise BadConfig(f"a CardGate account has no field {sorted(unknown)[0]!r}.")
    for name in ("account_id", "api_key", "private_key"):
        if not document.get(name):
            raise BadConfig(f"a CardGate account needs {name}.")
    for name, value in document.items():
        if type(value) is not types[name]:
            raise BadConfig(f"{name} of a CardGate account must be of type {getattr(types[name], '__name__', '')}.")
    if document.get("duplicate_status", 422) not in (422, 429):
        raise BadConfig("duplicate_status of a CardGate account must be 422 or 429.")
    if document.get("attempt_limit", 5) < 1:
        raise BadConfig("attempt_limit of a CardGate account must be 1 or more.")
    return Account(**document)


def account_for(accounts: Iterable[Account], authorization: str) -> Account | None:
    """Return the account whose id and key the basic authentication names."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    for account in accounts:
        if hmac.compare_digest(f"{account.account_id}:{account.api_key}".encode(), given):
            return account
    return None
