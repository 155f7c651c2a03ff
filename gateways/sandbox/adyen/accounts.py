"""Merchant accounts and their credentials, from the configuration or set while running."""

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
    """One merchant account.

    `capture_delay_hours` applies where a request gives none: 0 captures at once, None waits for a capture request.
    `multiple_partial_captures` off means, as at Adyen, that one capture releases the rest.
    `send_auto_capture` adds a CAPTURE webhook to captures made at once, which Adyen sends only on request.
    `token_webhooks` adds the webhook "Recurring tokens life cycle events", which a merchant sets up beside the standard
    one. `report_user` may download reports, which no API key can.
    """

    merchant_account: str
    api_key: str = field(repr=False)
    client_key: str = ""
    hmac_key: str = field(repr=False)
    webhook_url: str = ""
    webhook_user: str = ""
    webhook_password: str = field(default="", repr=False)
    live: bool = False
    capture_delay_hours: int | None = None
    multiple_partial_captures: bool = False
    send_auto_capture: bool = False
    raw_cards: bool = True
    token_webhooks: bool = False
    report_user: str = ""
    report_password: str = field(default="", repr=False)

    def shown(self) -> Document:
        """Return the account without its secrets."""
        shown = asdict(self)
        for name in ("api_key", "hmac_key", "webhook_password", "report_password"):
            shown[name] = "[hidden]" if shown[name] else ""
        return shown

    def basic_authorization(self) -> str | None:
        """Return the Authorization header of this account's webhooks, if it has a user."""
        if not self.webhook_user:
            return None
        return "Basic " + base64.b64encode(f"{self.webhook_user}:{self.webhook_password}".encode()).decode()


_TYPES: dict[str, type] = {
    "live": bool,
    "multiple_partial_captures": bool,
    "send_auto_capture": bool,
    "raw_cards": bool,
    "token_webhooks": bool,
}


def read_account(document: dict[str, Any]) -> Account:
    """Check a configured account.

    :raises BadConfig: a field is missing, unknown or of a wrong type, or the HMAC key is not hexadecimal.
    """
    known = {one.name for one in fields(Account)}
    unknown = set(document) - known
    if unknown:
        raise BadConfig(f"an Adyen account has no field {sorted(unknown)[0]!r}.")
    for name in ("merchant_account", "api_key", "hmac_key"):
        if not document.get(name):
            raise BadConfig(f"an Adyen account needs {name}.")
    for name, value in document.items():
        if name == "capture_delay_hours":
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 672):
                raise BadConfig("capture_delay_hours must be null or 0 to 672.")
        elif not isinstance(value, _TYPES.get(name, str)):
            raise BadConfig(f"{name} of an Adyen account must be of type {_TYPES.get(name, str).__name__}.")
    try:
        binascii.unhexlify(document["hmac_key"])
    except (binascii.Error, ValueError):
        raise BadConfig("hmac_key of an Adyen account must be hexadecimal.") from None
    return Account(**document)


def accounts_for_key(accounts: Iterable[Account], api_key: str) -> tuple[Account, ...]:
    """Return the accounts that an API key may use."""
    given = api_key.encode()
    return tuple(account for account in accounts if hmac.compare_digest(account.api_key.encode(), given))
