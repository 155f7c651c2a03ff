"""How an account of this gateway is set up at the sandbox: for the demo, tests and load runs."""

from collections.abc import Callable, Mapping
from typing import Any

_MERCHANT_ACCOUNTS = {"adyen-eu": "ToursEU", "adyen-us": "ToursUS", "adyen-test": "ToursTest"}


def credentials(account: str, secret: Callable[[str], str], origin: str) -> dict[str, str]:
    """Return the credentials of an account by its slug; `secret` gives 64 hexadecimal digits for a name."""
    return {
        "api_key": secret(f"{account} api_key"),
        "merchant_account": _MERCHANT_ACCOUNTS.get(account, account),
        "hmac_keys": secret(f"{account} hmac_key").upper(),
        "webhook_user": f"{account}-webhooks",
        "webhook_password": secret(f"{account} webhook_password")[:32],
        "client_key": f"test_{secret(f'{account} client_key')[:32].upper()}",
        "environment": "test",
        "live_prefix": "",
        "checkout_base_url": f"{origin}/adyen/v72",
        "timeout_seconds": "12",
    }


def sandbox_account(fields: Mapping[str, str], webhook_url: str) -> dict[str, Any]:
    """Return what the sandbox must know of an account with these credentials."""
    return {
        "merchant_account": fields["merchant_account"],
        "api_key": fields["api_key"],
        "client_key": fields["client_key"],
        "hmac_key": fields["hmac_keys"].split(",")[0],
        "webhook_url": webhook_url,
        "webhook_user": fields["webhook_user"],
        "webhook_password": fields["webhook_password"],
        "token_webhooks": True,
    }


def account_name(described: Mapping[str, Any]) -> str:
    """Return the name under which the sandbox keeps an account that was described to it."""
    name: str = described["merchant_account"]
    return name
