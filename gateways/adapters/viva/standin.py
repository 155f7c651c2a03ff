"""How an account of this gateway is set up at the sandbox: for the demo, tests and load runs."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID


def credentials(account: str, secret: Callable[[str], str], origin: str) -> dict[str, str]:
    """Return the credentials of an account by its slug; `secret` gives 64 hexadecimal digits for a name."""
    return {
        "client_id": f"{secret(f'{account} client_id')[:32]}.apps.vivapayments.com",
        "client_secret": secret(f"{account} client_secret"),
        "merchant_id": str(UUID(secret(f"{account} merchant_id")[:32])),
        "api_key": secret(f"{account} api_key")[:40],
        "source_code": "Default",
        "environment": "test",
        "accounts_base_url": f"{origin}/viva/accounts",
        "api_base_url": f"{origin}/viva/api",
        "www_base_url": f"{origin}/viva/www",
        "timeout_seconds": "12",
    }


def sandbox_account(fields: Mapping[str, str], webhook_url: str) -> dict[str, Any]:
    """Return what the sandbox must know of an account with these credentials."""
    return {
        "merchant_id": fields["merchant_id"],
        "api_key": fields["api_key"],
        "client_id": fields["client_id"],
        "client_secret": fields["client_secret"],
        "webhook_url": webhook_url,
    }


def account_name(described: Mapping[str, Any]) -> str:
    """Return the name under which the sandbox keeps an account that was described to it."""
    name: str = described["merchant_id"]
    return name
