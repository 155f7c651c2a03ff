"""How an account of this gateway is set up at the sandbox: for the demo, tests and load runs."""

from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateways.adapters.spreedly.express import read_key

# Published test cards of Spreedly's test gateway: one that pays and one that it declines.
_GOOD, _DECLINED = "4111111111111111", "4012888888881881"

# What else a guest posts whose bank says no for another reason than the usual one.
ALSO_POSTED: Mapping[str, Mapping[str, Any]] = {
    "refused_as_expired": {"number": _GOOD, "full_name": "expired card"},
    "refused_for_good": {"number": _GOOD, "full_name": "stop recurring payment"},
}
# Spreedly settles nothing. How the report of the processor behind it is read, as a source's own column map.
SETTLEMENT_MAP: Mapping[str, Any] = {
    "columns": {
        "merchant_account": {"header": "Merchant ID"},
        "acquirer_reference": {"header": "Transaction ID"},
        "our_operation_reference": {"header": "Merchant Order"},
        "type": {"header": "Type"},
        "occurred_at": {"header": "Date", "unit": "YYYY-MM-DD HH:MM:SS UTC"},
        "gross_currency": {"header": "Currency"},
        "gross_signed": {"header": "Amount", "unit": "major"},
        "commission": {"header": "Fee", "unit": "major"},
        "exchange_rate": {"header": "Rate"},
        "net_currency": {"header": "Settlement Currency"},
        "net_signed": {"header": "Settlement Amount", "unit": "major"},
        "batch_number": {"header": "Batch"},
    },
    "types": {
        "SALE": "CAPTURE",
        "CREDIT": "REFUND",
        "CHARGEBACK": "CHARGEBACK",
        "CHARGEBACK_REVERSED": "CHARGEBACK_REVERSED",
        "FEE": "FEE",
        "RESERVE": "RESERVE",
        "DEPOSIT": "PAYOUT",
    },
}


def credentials(account: str, secret: Callable[[str], str], origin: str) -> dict[str, str]:
    """Return the credentials of an account by its slug; `secret` gives 64 hexadecimal digits for a name.

    The key of the certificate is one on a curve, because that can be derived from a name; Spreedly's guide makes an RSA
    key.
    """
    return {
        "environment_key": f"E{secret(f'{account} environment_key')[:26]}",
        "access_secret": secret(f"{account} access_secret"),
        "gateway_token": f"G{secret(f'{account} gateway_token')[:26]}",
        "signing_secrets": secret(f"{account} signing_secret"),
        "certificate_token": f"C{secret(f'{account} certificate_token')[:26]}",
        "certificate_private_key": _derived_key(secret(f"{account} certificate_key")),
        "attempt_3dsecure": "true",
        # The sandbox knows where our webhooks are; RFC 2606 keeps this name free.
        "callback_url": f"https://callbacks.invalid/webhooks/{account}/",
        "environment": "test",
        "api_base_url": f"{origin}/spreedly/v1",
        "browser_base_url": f"{origin}/spreedly/iframe/",
        "timeout_seconds": "12",
    }


def sandbox_account(fields: Mapping[str, str], webhook_url: str) -> dict[str, Any]:
    """Return what the sandbox must know of an account with these credentials."""
    key = read_key(fields["certificate_private_key"])
    assert key is not None
    public_key = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        "environment_key": fields["environment_key"],
        "access_secret": fields["access_secret"],
        "gateway_token": fields["gateway_token"],
        "signing_secret": fields["signing_secrets"].split(",")[0],
        "certificates": {fields["certificate_token"]: public_key.decode()},
        "signed_pages_only": True,
        "webhook_url": webhook_url,
    }


def account_name(described: Mapping[str, Any]) -> str:
    """Return the name under which the sandbox keeps an account that was described to it."""
    name: str = described["environment_key"]
    return name


def guest_pays(client: Mapping[str, Any], *, is_good: bool) -> tuple[str, dict[str, Any]]:
    """Return where, below the sandbox's control API, a guest enters a card, and what is posted there."""
    card = {"number": _GOOD if is_good else _DECLINED, "month": 3, "year": 2030, "verification_value": "123"}
    proof = {name: client[name] for name in ("nonce", "timestamp", "certificateToken", "signature")}
    return f"spreedly/environments/{client['env']}/pay", {**card, **proof, "full_name": "Ada Vos"}


def opened(client: Mapping[str, Any]) -> str:
    """Return the name of what a guest can pay; empty when nothing is open."""
    return client.get("nonce") or ""


def brought(client: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001, asked of each gateway
    """Return what the guest's page brings the partner for the confirmation."""
    return {"token": answer["token"]}


def attempt(answer: Mapping[str, Any]) -> str:
    """Return the processor's name of what the guest tried: so far only of the card."""
    name: str = answer["token"]
    return name


def said(answer: Mapping[str, Any]) -> str:
    """Return what the guest's page was told, in the processor's words."""
    card = answer["payment_method"]
    return f"{card['storage_state']}: {card['card_type']} {card['number']}"


def _derived_key(digits: str) -> str:
    # Below the order of the curve, whatever the digits are.
    key = ec.derive_private_key(int(digits[:60], 16) + 1, ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
