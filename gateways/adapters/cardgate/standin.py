"""How an account of this gateway is set up at the sandbox: for the demo, tests and load runs."""

from collections.abc import Callable, Mapping
from typing import Any

# What else a guest posts whose bank says no for another reason than the usual one.
ALSO_POSTED: Mapping[str, Mapping[str, Any]] = {
    "refused_in_general": {"expiryMonth": "09", "expiryYear": "2033"},
    "refused_as_lost": {"expiryMonth": "10", "expiryYear": "2034"},
}


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
        # A refused card ends the invoice, so that a refusal is known at once.
        "attempt_limit": 1,
    }


def account_name(described: Mapping[str, Any]) -> str:
    """Return the name under which the sandbox keeps an account that was described to it."""
    name: str = described["account_id"]
    return name


def guest_pays(client: Mapping[str, Any], *, is_good: bool) -> tuple[str, dict[str, Any]]:
    """Return where, below the sandbox's control API, a guest pays what a page was given, and what is posted there."""
    # Published by the vendor for its test mode; of the failing one the date chooses the refusal: too little money.
    card = {"number": "5519 2838 1203 0000", "expiryMonth": "12", "expiryYear": "2030"}
    if not is_good:
        card = {"number": "4302 9128 3702 0000", "expiryMonth": "05", "expiryYear": "2029"}
    return f"cardgate/invoices/{client['invoiceId']}/pay", {**card, "cvc": "123", "holderName": "Ada Vos"}


def opened(client: Mapping[str, Any]) -> str:
    """Return the name of what a guest can pay; empty when nothing is open."""
    return client.get("invoiceId") or ""


def brought(client: Mapping[str, Any], _answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the guest's page brings the partner for the confirmation."""
    return {"invoiceId": client["invoiceId"]}


def attempt(answer: Mapping[str, Any]) -> str:
    """Return the processor's name of what the guest tried: that of the invoice, which all its callbacks bear."""
    name: str = answer["invoiceId"]
    return name


def said(answer: Mapping[str, Any]) -> str:
    """Return what the guest's page was told, in the processor's words."""
    return f"{answer['status']}, {answer['resolution']}"


def staff_refunds(*, payment: str, taken: str, minor: int) -> tuple[str, dict[str, Any]]:  # noqa: ARG001, asked of each
    """Return where, below the control API, money is given back in the vendor's portal, and what is posted there.

    `payment` and `taken` are the processor's names of the payment and of the sale or capture that took the money.
    """
    return f"cardgate/invoices/{payment}/refund", {"amount": minor}


def bank_takes_back(*, payment: str, taken: str, minor: int) -> tuple[str, dict[str, Any]]:  # noqa: ARG001, asked of each
    """Return the same for the cardholder's bank, which takes money back in a dispute."""
    return f"cardgate/invoices/{payment}/chargeback", {"amount": minor}
