"""How an account of this gateway is set up at the sandbox, and how a guest pays there."""

from collections.abc import Callable, Mapping
from typing import Any


def credentials(account: str, secret: Callable[[str], str], origin: str) -> dict[str, str]:
    """Return the credentials of an account by its slug; `secret` gives 64 hexadecimal digits for a name."""
    return {"shop": account, "api_key": secret(f"{account} api_key"), "base_url": f"{origin}/penny"}


def sandbox_account(fields: Mapping[str, str], webhook_url: str) -> dict[str, Any]:
    """Return what the sandbox must know of an account with these credentials; Penny sends no webhooks."""
    return {"shop": fields["shop"], "api_key": fields["api_key"]}


def account_name(described: Mapping[str, Any]) -> str:
    """Return the name under which the sandbox keeps an account that was described to it."""
    name: str = described["shop"]
    return name


def guest_pays(client: Mapping[str, Any], *, is_good: bool) -> tuple[str, dict[str, Any]]:
    """Return where, below the sandbox's control API, a guest pays what a page was given, and what is posted there."""
    number = "4111 1111 1111 1111" if is_good else "4000 0000 0000 0002"
    return f"penny/orders/{client['order']}/pay", {"number": number, "holderName": "Ada Vos"}


def brought(client: Mapping[str, Any], _answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the guest's page brings the partner for the confirmation."""
    return {"order": client["order"]}


def opened(client: Mapping[str, Any]) -> str:
    """Return the name of what a guest can pay; empty when nothing is open."""
    return client.get("order") or ""
