"""How an account of this gateway is set up at the sandbox: for the demo, tests and load runs."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from gateways.protocol import EncryptedCard, RawCard

# What else a guest posts who agrees to have the card kept, whose bank says no for another reason than the usual one, or
# whose money does not move later on.
ALSO_POSTED: Mapping[str, Mapping[str, Any]] = {
    "card_kept": {"storePaymentMethod": True},
    "refused_in_general": {"holderName": "DECLINED"},
    "refused_as_expired": {"holderName": "EXPIRED_CARD"},
    "refused_as_blocked": {"holderName": "BLOCK_CARD"},
    "capture_fails": {"holderName": "capture failed"},
    "refund_fails": {"holderName": "refund failed"},
}
_MERCHANT_ACCOUNTS = {"adyen-eu": "ToursEU", "adyen-us": "ToursUS", "adyen-test": "ToursTest"}


def credentials(account: str, secret: Callable[[str], str], origin: str) -> dict[str, str]:
    """Return the credentials of an account by its slug; `secret` gives 64 hexadecimal digits for a name."""
    return {
        "api_key": secret(f"{account} api_key"),
        "merchant_account": _MERCHANT_ACCOUNTS.get(account, account),
        "hmac_keys": secret(f"{account} hmac_key").upper(),
        "webhook_user": f"{account}-webhooks",
        "webhook_password": secret(f"{account} webhook_password")[:32],
        "report_base_url": f"{origin}/adyen",
        "report_user": f"report_{account}@Company.Tours",
        "report_password": secret(f"{account} report_password")[:32],
        "client_key": f"test_{secret(f'{account} client_key')[:32].upper()}",
        "environment": "test",
        "live_prefix": "",
        "checkout_base_url": f"{origin}/adyen/v72",
        # Adyen's script takes a test key only to an address with "test" in it.
        "browser_base_url": f"{origin}/adyen/test/checkoutshopper/",
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
        "report_user": fields["report_user"],
        "report_password": fields["report_password"],
        "token_webhooks": True,
    }


def account_name(described: Mapping[str, Any]) -> str:
    """Return the name under which the sandbox keeps an account that was described to it."""
    name: str = described["merchant_account"]
    return name


def guest_pays(client: Mapping[str, Any], *, is_good: bool) -> tuple[str, dict[str, Any]]:
    """Return where, below the sandbox's control API, a guest pays what a page was given, and what is posted there."""
    # Published by Adyen for its test environment, as is the name that has the bank refuse.
    card = {"number": "4111 1111 1111 1111", "expiryMonth": "03", "expiryYear": "2030", "cvc": "737"}
    name = "Ada Vos" if is_good else "NOT_ENOUGH_BALANCE"
    return f"adyen/sessions/{client['session']['id']}/pay", {**card, "holderName": name}


def card_details(*, is_raw: bool) -> EncryptedCard | RawCard:
    """Return a card that pays by its own details: in the clear, or as the test platform takes an encrypted one."""
    if is_raw:
        return RawCard(number="4111111111111111", expiry_month="03", expiry_year="2030", cvc="737")
    return EncryptedCard(
        number="test_4111111111111111", expiry_month="test_03", expiry_year="test_2030", security_code="test_737"
    )


def opened(client: Mapping[str, Any]) -> str:
    """Return the name of what a guest can pay; empty when nothing is open."""
    session = client.get("session")
    return session["id"] if session else ""


def brought(client: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the guest's page brings the partner for the confirmation."""
    return {"sessionId": client["session"]["id"], "sessionResult": answer["sessionResult"]}


def attempt(answer: Mapping[str, Any]) -> str:
    """Return the processor's name of what the guest tried, by which its webhooks speak of it."""
    name: str = answer["pspReference"]
    return name


def said(answer: Mapping[str, Any]) -> str:
    """Return what the guest's page was told, in the processor's words."""
    return " ".join(filter(None, (answer["resultCode"], answer.get("refusalReason", ""))))


def staff_refunds(*, payment: str, taken: str, minor: int) -> tuple[str, dict[str, Any]]:  # noqa: ARG001, asked of each
    """Return where, below the control API, money is given back in the processor's own back office, and what is posted.

    `payment` and `taken` are the processor's names of the payment and of the sale or capture that took the money.
    """
    return f"adyen/payments/{payment}/refund", {"amount": minor}


def bank_takes_back(*, payment: str, taken: str, minor: int) -> tuple[str, dict[str, Any]]:  # noqa: ARG001, asked of each
    """Return the same for the cardholder's bank, which takes money back in a dispute."""
    return f"adyen/payments/{payment}/chargeback", {"amount": minor}


def new_delivery(fields: Mapping[str, str]) -> tuple[dict[str, str], dict[str, Any]]:
    """Return headers and body of a webhook that was never sent before, rightly signed; load runs send thousands."""
    item: dict[str, Any] = {
        "pspReference": secrets.token_hex(8).upper(),
        "originalReference": "",
        "merchantAccountCode": fields["merchant_account"],
        "merchantReference": f"cpo_{secrets.token_hex(8)}",
        "amount": {"value": 9000, "currency": "EUR"},
        "eventCode": "AUTHORISATION",
        "success": "true",
        "eventDate": "2026-11-21T12:00:00+01:00",
        "paymentMethod": "visa",
        "reason": "033899:1111:03/2030",
        "operations": ["CANCEL", "CAPTURE", "REFUND"],
    }
    item["additionalData"] = {
        "hmacSignature": _signature(item, bytes.fromhex(fields["hmac_keys"].split(",")[0])),
        "expiryDate": "03/2030",
        "cardSummary": "1111",
        "cardHolderName": "Ada Vos",
        "authCode": "033899",
        "checkoutSessionId": f"CS{secrets.token_hex(12).upper()}",
    }
    user = f"{fields['webhook_user']}:{fields['webhook_password']}"
    headers = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()}
    return headers, {"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}


def _signature(item: Mapping[str, Any], key: bytes) -> str:
    names = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")
    amount = (item["amount"]["value"], item["amount"]["currency"])
    signed = ":".join(
        str(part) for part in (*(item[name] for name in names), *amount, item["eventCode"], item["success"])
    )
    return base64.b64encode(hmac.new(key, signed.encode(), hashlib.sha256).digest()).decode()
