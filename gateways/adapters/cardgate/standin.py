"""How an account of this gateway is set up at the sandbox: for the demo, tests and load runs."""

from collections.abc import Callable, Mapping
from typing import Any


def credentials(account: str, secret: Callable[[str], str], origin: str) -> dict[str, str]:
    """Return the credentials of an account by its slug; `secret` gives 64 hexadecimal digits for a name."""
    return {
        "account_id": f"coma_{secret(f'{account} account_id')[:20]}",
        "api_key": secret(f"{account} api_key"),
        "private_keys": f"sk_test_{secret(f'{account} private_key')}",
        "environment": "test",
        "service": "payment_card_{currency}_hpp",
        "api_base_url": f"{origin}/cardgate",
        "cardgate_base_url": f"{origin}/cardgate",
        "callback_url": "",
        "timeout_seconds": "12",
    }


def sandbox_account(fields: Mapping[str, str], webhook_url: str) -> dict[str, Any]:
    """Return what the sandbox must know of an account with these credentials."""
    return {
        "account_id": fields["account_id"],
        "api_key": fields["api_key"],
        "private_key": fields["private_keys"].split(",")[0],
        "webhook_url": webhook_url,
    }


def account_name(described: Mapping[str, Any]) -> str:
    """Return the name under which the sandbox keeps an account that was described to it."""
    name: str = described["account_id"]
    return name
