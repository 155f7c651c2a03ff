"""How an account of this gateway is set up at the sandbox: for the demo, tests and load runs."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

# What else a guest posts whose bank says no for another reason than the usual one.
ALSO_POSTED: Mapping[str, Mapping[str, Any]] = {
    "refused_as_expired": {"number": "4147463011110141", "eventId": 10054},
    "refused_by_authentication": {"authenticates": False},
}


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
        # All guests come back to one address, which is set with the payment source.
        "success_url": webhook_url.replace("/webhooks/", "/pay/return/"),
        "failure_url": webhook_url.replace("/webhooks/", "/pay/return/"),
    }


def account_name(described: Mapping[str, Any]) -> str:
    """Return the name under which the sandbox keeps an account that was described to it."""
    name: str = described["merchant_id"]
    return name


def guest_pays(client: Mapping[str, Any], *, is_good: bool) -> tuple[str, dict[str, Any]]:
    """Return where, below the sandbox's control API, a guest pays what a page was given, and what is posted there."""
    # Published by Viva for its demo environment; which bank event a failing card brings is the sandbox's to say.
    card = {"expiryMonth": "03", "expiryYear": "2030", "cvc": "111"}
    path = f"viva/orders/{client['orderCode']}/pay"
    if is_good:
        return path, {**card, "number": "4147463011110133"}
    return path, {**card, "number": "4147463011110141", "eventId": 10051}


def opened(client: Mapping[str, Any]) -> str:
    """Return the name of what a guest can pay; empty when nothing is open."""
    return client.get("orderCode") or ""


def brought(client: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the guest's page brings the partner for the confirmation: the `t` of the address it came back to."""
    return {"orderCode": client["orderCode"], "transactionId": answer["transactionId"]}


def attempt(answer: Mapping[str, Any]) -> str:
    """Return the processor's name of what the guest tried, by which its webhooks speak of it."""
    name: str = answer["transactionId"]
    return name


def said(answer: Mapping[str, Any]) -> str:
    """Return what the guest's page was told, in the processor's words."""
    event = f" event {answer['eventId']}" if answer["eventId"] else ""
    return f"status {answer['statusId']}{event}"


def staff_refunds(*, payment: str, taken: str, minor: int) -> tuple[str, dict[str, Any]]:  # noqa: ARG001, asked of each
    """Return where, below the control API, money is given back in the banking app, and what is posted there.

    `payment` and `taken` are the processor's names of the payment and of the sale or capture that took the money.
    """
    return f"viva/transactions/{taken}/refund", {"amount": minor}
