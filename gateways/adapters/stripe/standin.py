"""How an account of this gateway is set up at the sandbox: for the demo, tests and load runs."""

from collections.abc import Callable, Mapping
from typing import Any

# What else a guest posts whose bank says no for another reason than the usual one, or whose money does not come back.
ALSO_POSTED: Mapping[str, Mapping[str, Any]] = {
    "refused_in_general": {"number": "4000 0000 0000 0002"},
    "refused_as_lost": {"number": "4000 0000 0000 9987"},
    "refused_by_authentication": {"number": "4000 0027 6000 3184", "authenticates": False},
    "refund_fails": {"number": "4000 0000 0000 5126"},
}
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
        "browser_base_url": f"{origin}/stripe/js/",
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


def guest_pays(client: Mapping[str, Any], *, is_good: bool) -> tuple[str, dict[str, Any]]:
    """Return where, below the sandbox's control API, a guest pays what a page was given, and what is posted there."""
    # Published by Stripe for its test mode: one that pays, and one whose bank finds too little money.
    number = "4242 4242 4242 4242" if is_good else "4000 0000 0000 9995"
    card = {"number": number, "expiryMonth": "03", "expiryYear": "2034", "cvc": "314", "holderName": "Ada Vos"}
    return f"stripe/payment_intents/{client['paymentIntent']['id']}/pay", card


def opened(client: Mapping[str, Any]) -> str:
    """Return the name of what a guest can pay; empty when nothing is open."""
    intent = client.get("paymentIntent")
    return intent["id"] if intent else ""


def brought(client: Mapping[str, Any], _answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the guest's page brings the partner for the confirmation."""
    return {"paymentIntent": client["paymentIntent"]["id"]}


def attempt(answer: Mapping[str, Any]) -> str:
    """Return the processor's name of what the guest tried, by which its webhooks speak of it."""
    is_refused = answer["status"] == "requires_payment_method"
    name: str = answer["charge"] if is_refused else answer["payment_intent"]
    return name


def said(answer: Mapping[str, Any]) -> str:
    """Return what the guest's page was told, in the processor's words."""
    return " ".join(filter(None, (answer["status"], answer.get("decline_code") or answer.get("code", ""))))


def staff_refunds(*, payment: str, taken: str, minor: int) -> tuple[str, dict[str, Any]]:  # noqa: ARG001, asked of each
    """Return where, below the control API, money is given back in the dashboard, and what is posted there.

    `payment` and `taken` are the processor's names of the payment and of the sale or capture that took the money.
    """
    return f"stripe/payment_intents/{payment}/refund", {"amount": minor}


def bank_takes_back(*, payment: str, taken: str, minor: int) -> tuple[str, dict[str, Any]]:  # noqa: ARG001, asked of each
    """Return the same for the cardholder's bank, which takes money back in a dispute."""
    return f"stripe/payment_intents/{payment}/dispute", {"amount": minor}
