"""Stripe's amounts, names and times, and what of its objects may be kept."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gateways.adapters.stripe.refusals import text_of
from gateways.errors import Rejected
from gateways.exponents import Exponents
from gateways.protocol import Card, ChargeRequest, OpenRequest
from gateways.scrubbing import scrub
from money import Money, MoneyError

SLUG = "stripe"

INTENT = re.compile(r"pi_[A-Za-z0-9_]{1,100}")
REFUND = re.compile(r"(re|pyr)_[A-Za-z0-9_]{1,100}")
# A card can be charged only together with the customer it belongs to, so a token of ours names both.
TOKEN = re.compile(r"(cus_[A-Za-z0-9_]{1,100}):((?:pm|card|src)_[A-Za-z0-9_]{1,100})")
OUR_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,60}")

# What `metadata` of an intent says: our reference, whether a guest pays it or we charge it, until when a guest may, the
# capture we asked for, and under which of our names a card is to be kept. It is copied onto every charge.
OURS, PURPOSE, EXPIRES, CAPTURE, SHOPPER = "reference", "purpose", "expires_at", "capture_reference", "shopper"
OPENING_PURPOSE, CHARGE_PURPOSE = "opening", "charge"

# Source: Stripe docs, "Supported currencies". Of ISO 4217's three-decimal currencies it names five.
# The last of three decimals must be 0, because networks count two.
EXPONENTS = Exponents(
    differing={"ISK": 2, "UGX": 2, "MGA": 0},
    unknown=frozenset({"IQD", "LYD"}),
    steps=dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 10),
)

_BLANKED = """
authorization client_secret payment_method customer source number cvc cvv card_number name email phone
receipt_email receipt_url billing_details shipping address line1 postal_code customer_email_address customer_name
customer_purchase_ip billing_address shipping_address customer_communication evidence fingerprint dynamic_last4
network_transaction_id transaction_link_id secret url return_url redirect_to_url use_stripe_sdk
"""
SECRET_FIELDS = frozenset(_BLANKED.split())
# What is worth keeping of an object; everything else may be anything, so it is not stored.
_KEPT_NAMES = f"""
id object amount amount_capturable amount_captured amount_received amount_refunded currency status created canceled_at
cancellation_reason capture_method latest_charge livemode metadata {OURS} {PURPOSE} {EXPIRES} {CAPTURE}
last_payment_error type code decline_code advice_code network_advice_code network_decline_code message param charge
payment_intent captured paid refunded disputed failure_code failure_message failure_reason failure_balance_transaction
outcome network_status reason risk_level seller_message balance_transaction payment_method_details card brand last4
exp_month exp_year country funding network wallet three_d_secure authentication_flow result result_reason version
capture_before balance_transactions fee net reporting_category evidence_details due_by has_evidence past_due
is_charge_refundable case_type network_reason_code destination_details reference_status pending_reason
automatic arrival_date payout reconciliation_status report_type error fraud_type actionable open opened_reason
closed_reason
"""
_KEPT = frozenset(_KEPT_NAMES.split())
_DEEPEST = 6


def minor_of(money: Money) -> int:
    """Return an amount as Stripe counts it.

    :raises Rejected: Stripe cannot be told this amount exactly.
    """
    try:
        return EXPONENTS.minor_of(money)
    except MoneyError as problem:
        raise Rejected(f"stripe: {problem}") from None


def money_of(amount: object, currency: object) -> Money | None:
    """Return Stripe's amount as money; None when it is no amount, or one we cannot hold exactly."""
    if type(amount) is not int or not isinstance(currency, str):
        return None
    try:
        return EXPONENTS.money_of(amount, currency.upper())
    except MoneyError:
        return None


def customer_request(shopper_reference: str) -> dict[str, Any]:
    """Build POST /v1/customers: somebody without a name, for a card to belong to."""
    return {"metadata": {SHOPPER: shopper_reference}}


def opening_request(request: OpenRequest, customer: str | None) -> dict[str, Any]:
    """Build POST /v1/payment_intents for a guest to pay.

    With a `customer` Stripe attaches the card to it once the guest has paid.
    """
    metadata = {
        OURS: request.reference,
        PURPOSE: OPENING_PURPOSE,
        EXPIRES: str(int(request.expires_at.timestamp())),
    }
    body = {**_sum(request.money), **_capture_wish(captures_at_once=request.captures_at_once), "metadata": metadata}
    if customer is not None:
        metadata[SHOPPER] = request.shopper_reference
        body.update({"customer": customer, "setup_future_usage": "off_session"})
    return body


def stored_card_request(request: ChargeRequest, customer: str, payment_method: str) -> dict[str, Any]:
    """Build POST /v1/payment_intents that charges a stored card at once, while the guest is not there."""
    return {
        **_sum(request.money),
        **_capture_wish(captures_at_once=request.captures_at_once),
        "customer": customer,
        "payment_method": payment_method,
        "off_session": True,
        "confirm": True,
        "metadata": {OURS: request.reference, PURPOSE: CHARGE_PURPOSE},
        "expand": ["latest_charge"],
    }


def metadata_of(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an object's `metadata`, empty where there is none."""
    found = thing.get("metadata")
    return found if isinstance(found, Mapping) else {}


def ours_in(thing: Mapping[str, Any], name: str = OURS) -> str | None:
    """Return the reference of ours that an object carries, None where it has none."""
    found = metadata_of(thing).get(name)
    return found if isinstance(found, str) and OUR_REFERENCE.fullmatch(found) else None


def id_of(value: object) -> str | None:
    """Return the identifier of something that Stripe gives as an identifier, or as a whole object."""
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) and found else None


def object_of(value: object) -> Mapping[str, Any] | None:
    """Return an expanded object, None where only its identifier was given."""
    return value if isinstance(value, Mapping) else None


def card_of(charge: Mapping[str, Any]) -> Card | None:
    """Describe the card of a charge, and its token where the guest let it be kept."""
    method = charge.get("payment_method_details")
    told = method.get("card") if isinstance(method, Mapping) else None
    details: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    last4, shopper = str(details.get("last4") or ""), ours_in(charge, SHOPPER)
    token = None
    if shopper is not None:
        token = token_of(charge.get("customer"), charge.get("payment_method"))
    card = Card(
        brand=text_of(details.get("brand"))[:40],
        last4=last4 if re.fullmatch(r"[0-9]{4}", last4) else "",
        expiry_month=_within(details.get("exp_month"), 1, 12),
        expiry_year=_within(details.get("exp_year"), 2000, 2999),
        token=token,
        shopper_reference=shopper if token else None,
    )
    return card if card != Card() else None


def stored_card_of(payment_method: Mapping[str, Any], *, customer: object) -> Card | None:
    """Describe a stored card by the object that stands for it, None where it belongs to no customer."""
    token = token_of(customer, payment_method.get("id"))
    if token is None:
        return None
    seen = card_of({"payment_method_details": {"card": payment_method.get("card")}}) or Card()
    return Card(
        brand=seen.brand,
        last4=seen.last4,
        expiry_month=seen.expiry_month,
        expiry_year=seen.expiry_year,
        token=token,
    )


def token_of(customer: object, payment_method: object) -> str | None:
    """Return the token under which a card is kept, None where it belongs to no customer."""
    token = f"{id_of(customer)}:{id_of(payment_method)}"
    return token if TOKEN.fullmatch(token) else None


def when(seconds: object) -> datetime | None:
    """Read a time in seconds since 1970; None when it is none."""
    if type(seconds) is not int:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def kept(thing: Mapping[str, Any]) -> dict[str, Any]:
    """Return what may be stored of an object of Stripe's."""
    found: dict[str, Any] = scrub(_known(thing, _DEEPEST), SECRET_FIELDS)
    return found


def _sum(money: Money) -> dict[str, Any]:
    # Card alone: other methods are decided days later, and a hold on seats does not wait for them.
    return {"amount": minor_of(money), "currency": money.currency.lower(), "payment_method_types": ["card"]}


def _capture_wish(*, captures_at_once: bool) -> dict[str, str]:
    # Left out it becomes `automatic_async`, whose answer comes before Stripe has the money booked.
    return {"capture_method": "automatic" if captures_at_once else "manual"}


def _known(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        return {name: _known(item, depth - 1) for name, item in value.items() if name in _KEPT and depth > 0}
    if isinstance(value, list):
        return [_known(item, depth - 1) for item in value[:20]]
    return value


def _within(value: object, least: int, most: int) -> int | None:
    return value if type(value) is int and least <= value <= most else None
