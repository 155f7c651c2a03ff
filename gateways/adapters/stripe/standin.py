"""How an account of this gateway is set up at the sandbox: for the demo, tests and load runs."""

from collections.abc import Callable, Mapping
from typing import Any

# A real key holds the account's own name behind these letters, too.
_PREFIX = "sk_test_51"
_NAME_LENGTH = 16


def credentials(account: str, secret: Callable[[str], str], origin: str) -> dict[str, str]:
    """Return the credentials of an account by its slug; `secret` gives 64 hexadecimal digits for a name."""
    name = secret(f"{account} name")[:_NAME_LENGTH]
    return {
        "secret_key": f"{_PREFIX}{name}{secret(f'{account} secret_key')}",
        "publishable_key": f"pk_test_51{name}{secret(f'{account} publishable_key')[:32]}",
        "webhook_secrets": f"whsec_{secret(f'{account} webhook_secret')}",
        "environment": "test",
        "api_base_url": f"{origin}/stripe",
        "timeout_seconds": "12",
    }


def sandbox_account(fields: Mapping[str, str], webhook_url: str) -> dict[str, Any]:
    """Return what the sandbox must know of an account with these credentials."""
    return {
        "account": f"acct_1{fields['secret_key'].removeprefix(_PREFIX)[:_NAME_LENGTH]}",
        "secret_key": fields["secret_key"],
        "publishable_key": fields["publishable_key"],
        "webhook_secret": fields["webhook_secrets"].split(",")[0].strip(),
        "webhook_url": webhook_url,
    }


def account_name(described: Mapping[str, Any]) -> str:
    """Return the name under which the sandbox keeps an account that was described to it."""
    name: str = described["account"]
    return name
