"""Spreedly's JSON and our dataclasses, for Core API v1: what we ask, and what a transaction says.

A charge, a capture, a release and a refund are all transactions of one shape, wherever they are read: in an answer, a
list or a callback.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from gateways.adapters.spreedly.refusals import decline_of, outcome_data_of
from gateways.errors import Rejected
from gateways.exponents import Exponents
from gateways.protocol import Action, Card, ChargeRequest, Outcome, OutcomeKind, Reference, Source
from gateways.scrubbing import mask_numbers, scrub
from money import EXPONENTS as ISO_EXPONENTS
from money import Money, MoneyError

SLUG = "spreedly"
_Kind = OutcomeKind

# Inferred from Spreedly's samples (27 letters and digits). Nothing else may be pasted into an address.
TOKEN = re.compile(r"[A-Za-z0-9]{8,64}")
_OURS = re.compile(r"[A-Za-z0-9_-]{1,64}")

# Source: Spreedly docs, "Run transactions": currencies with two or three decimals are shifted by as many, those without
# any by two all the same. CVE has two by ISO 4217 and none in Spreedly's library, so what is sent could be cut off.
EXPONENTS = Exponents(
    differing={currency: 2 for currency, decimals in ISO_EXPONENTS.items() if decimals == 0},
    unknown=frozenset({"CVE"}),
)

_BLANKED = """
authorization token payment_method_token third_party_token environment_key access_secret signing_secret gateway_token
certificate_token signature nonce number verification_value cvc full_name first_name last_name email ip phone_number
address1 address2 city zip company shipping_address billing_address shipping_address1 shipping_address2
shipping_phone_number shipping_zip fingerprint browser_info checkout_form checkout_url challenge_form challenge_url
device_fingerprint_form three_ds_context redirect_url callback_url api_urls setup_response redirect_response
callback_response data metadata transaction_metadata gateway_specific_fields gateway_specific_response_fields eci cavv
xid bank_account credit_card apple_pay google_pay
"""
SECRET_FIELDS = frozenset(_BLANKED.split())
_KEPT = """
transaction_type state succeeded amount currency_code order_id description reference_token required_action message_key
message error_type gateway_type gateway_transaction_id on_test_gateway retain_on_success created_at updated_at
"""
_KEPT_OF_RESPONSE = """
success message error_code error_detail pending result_unknown cancelled fraud_review avs_code cvv_code
"""
_KEPT_OF_CARD = "card_type first_six_digits last_four_digits month year storage_state payment_method_type"

# Suffix or name of a transaction's type -> the word when it succeeded and when it failed; the first that fits.
_CHARGES: tuple[tuple[str, OutcomeKind], ...] = (
    ("Purchase", _Kind.CAPTURED),
    ("Authorization", _Kind.AUTHORIZED),
)
_FOLLOW_UPS: Mapping[str, tuple[OutcomeKind, OutcomeKind]] = MappingProxyType(
    {
        "Capture": (_Kind.CAPTURED, _Kind.CAPTURE_FAILED),
        "Void": (_Kind.VOIDED, _Kind.VOID_FAILED),
        "Credit": (_Kind.REFUNDED, _Kind.REFUND_FAILED),
    }
)
_FAILED = frozenset({"gateway_processing_failed", "failed", "gateway_setup_failed"})
_UNKNOWN = "gateway_processing_result_unknown"
# With this type Spreedly wants nothing of the guest.
_NO_ACTION = frozenset({"", "none"})


class Unreadable(ValueError):
    """Say that a transaction does not say what happened."""


def is_charge(transaction: Mapping[str, Any]) -> bool:
    """Say whether a transaction takes or holds money of a card, and is no follow-up of another one."""
    return _charge_kind(transaction) is not None


def is_unknown(transaction: Mapping[str, Any]) -> bool:
    """Say whether Spreedly does not know itself what the processor did."""
    return transaction.get("state") == _UNKNOWN or _part(transaction, "response").get("result_unknown") is True


def is_waiting(transaction: Mapping[str, Any]) -> bool:
    """Say whether the guest has not finished 3-D Secure."""
    return transaction.get("state") == "pending"


def charge_request(request: ChargeRequest, *, callback_url: str, attempts_3dsecure: bool) -> dict[str, Any]:
    """Build a purchase or an authorization.

    `order_id` is our name of this very charge, by which it is found again; `description` names the Opening it belongs
    to, so that what a guest comes back with can be held against it.
    """
    body: dict[str, Any] = {
        "payment_method_token": request.card_token or request.payment_token,
        "order_id": request.reference,
        **amount_of(request.money),
    }
    if request.opening_reference:
        body["description"] = request.opening_reference
    if request.card_token is not None:
        # By phone or mail the guest asks for this very charge; otherwise nobody is there.
        initiator = "cardholder" if request.source is Source.MOTO else "merchant"
        return {**body, "stored_credential_initiator": initiator, "stored_credential_reason_type": "unscheduled"}
    if request.stores_card:
        body["retain_on_success"] = True
        body["stored_credential_initiator"] = "cardholder"
        body["stored_credential_reason_type"] = "unscheduled"
    if attempts_3dsecure and request.source is Source.ECOM and request.return_url:
        body["attempt_3dsecure"] = True
        body["three_ds_version"] = "2"
        body["redirect_url"] = request.return_url
        body["callback_url"] = callback_url
        # XML unless asked otherwise.
        body["callback_format"] = "json"
        if request.browser_info:
            body["browser_info"] = request.browser_info
    return body


def amount_of(money: Money) -> dict[str, Any]:
    """Return an amount as Spreedly counts it.

    :raises Rejected: Spreedly cannot be told this amount exactly.
    """
    try:
        return {"amount": EXPONENTS.minor_of(money), "currency_code": money.currency}
    except MoneyError as problem:
        raise Rejected(f"spreedly: {problem}") from None


def money_of(transaction: Mapping[str, Any]) -> Money | None:
    """Return a transaction's amount as money; None when it has none, or one we cannot hold exactly."""
    amount, currency = transaction.get("amount"), transaction.get("currency_code")
    if type(amount) is not int or not isinstance(currency, str):
        return None
    try:
        return EXPONENTS.money_of(amount, currency)
    except MoneyError:
        return None


def token_of(transaction: Mapping[str, Any]) -> str:
    """Return Spreedly's name of a transaction.

    :raises Unreadable: it has none.
    """
    token = transaction.get("token")
    if not isinstance(token, str) or not TOKEN.fullmatch(token):
        raise Unreadable("a transaction without a token")
    return token


def ours_in(transaction: Mapping[str, Any], name: str = "order_id") -> str | None:
    """Return a reference of ours that a transaction echoes: `order_id`, or the Opening's in `description`."""
    value = transaction.get(name)
    return value if isinstance(value, str) and _OURS.fullmatch(value) else None


def news_of(transaction: Mapping[str, Any], *, at: datetime) -> Outcome:
    """Say what a transaction says; `at` is the time where it gives none.

    :raises Unreadable: nobody can tell from it, Spreedly itself included.
    """
    token, state = token_of(transaction), transaction.get("state")
    is_about_itself = is_charge(transaction)
    done, failed = _words_of(transaction)
    parent = transaction.get("reference_token")
    if not is_about_itself and (not isinstance(parent, str) or not TOKEN.fullmatch(parent)):
        raise Unreadable("a follow-up of no transaction")
    kind, decline, action, key = done, None, None, f"{token}:{state}"
    if is_unknown(transaction):
        raise Unreadable("Spreedly does not know the result itself")
    if state == "succeeded" and transaction.get("succeeded") is True:
        kind = done
    elif state in _FAILED and transaction.get("succeeded") is not True:
        kind, decline = failed, decline_of(transaction)
    elif state in ("pending", "processing") and transaction.get("succeeded") is not True:
        action = action_of(transaction) if state == "pending" and is_about_itself else None
        kind = _Kind.ACTION_REQUIRED if action else _Kind.PENDING
        key = f"{key}:{action.type}" if action else key
    else:
        raise Unreadable("a state that we do not know, or that contradicts itself")
    money = money_of(transaction)
    if money is None and kind in (_Kind.CAPTURED, _Kind.AUTHORIZED, _Kind.REFUNDED):
        raise Unreadable("money moved and the amount cannot be read")
    return Outcome(
        kind=kind,
        reference=Reference(
            ours=ours_in(transaction),
            gateway=token,
            payment=token if is_about_itself else str(parent),
            opening=ours_in(transaction, "description") if is_about_itself else None,
        ),
        event_key=key,
        occurred_at=when(transaction.get("updated_at")) or at,
        money=money,
        decline=decline,
        action=action,
        card=card_of(transaction) if is_about_itself else None,
        raw=kept(transaction),
    )


def action_of(transaction: Mapping[str, Any]) -> Action | None:
    """Say what the guest must do; None when nothing.

    Spreedly's own script takes the transaction's token and does the rest; a page is there to send the guest to where
    the processor has one.
    """
    required = str(transaction.get("required_action") or "").strip().lower()
    page = next(
        (
            value
            for value in (transaction.get("challenge_url"), transaction.get("checkout_url"))
            if isinstance(value, str) and value.startswith(("https://", "http://"))
        ),
        "",
    )
    if required in _NO_ACTION:
        if not page:
            return None
        required = "redirect"
    return Action(type=required[:40], url=page, fields={"transactionToken": token_of(transaction)})


def card_of(transaction: Mapping[str, Any]) -> Card | None:
    """Describe the card, and its token where Spreedly was asked to keep it and the charge succeeded.

    What the answer calls `storage_state` is the state from before the charge, so that it says "cached" of a card that
    is kept by it.
    """
    found = _part(transaction, "payment_method")
    last4, bin_number = str(found.get("last_four_digits") or ""), str(found.get("first_six_digits") or "")
    month, year, token = found.get("month"), found.get("year"), found.get("token")
    has_expiry = type(month) is int and type(year) is int and 1 <= month <= 12 and 2000 <= year < 2100
    is_kept = (
        transaction.get("retain_on_success") is True
        and transaction.get("succeeded") is True
        and isinstance(token, str)
        and TOKEN.fullmatch(token) is not None
    )
    card = Card(
        brand=mask_numbers(str(found.get("card_type") or ""))[:40],
        last4=last4 if re.fullmatch(r"[0-9]{4}", last4) else "",
        bin=bin_number if re.fullmatch(r"[0-9]{6}", bin_number) else "",
        expiry_month=month if has_expiry else None,
        expiry_year=year if has_expiry else None,
        token=str(token) if is_kept else None,
    )
    return card if card != Card() else None


def when(text: object) -> datetime | None:
    """Read a time with an offset; None when it is none."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


def kept(transaction: Mapping[str, Any]) -> dict[str, Any]:
    """Return what may be stored of a transaction: what is named here and nothing else."""
    found = _chosen(transaction, _KEPT)
    for name, names in (("response", _KEPT_OF_RESPONSE), ("payment_method", _KEPT_OF_CARD)):
        if part := _chosen(_part(transaction, name), names):
            found[name] = part
    if outcome := outcome_data_of(transaction):
        found["payment_outcome_data"] = _chosen(outcome, "failure_reason network_advice_code")
    scrubbed: dict[str, Any] = scrub(found, SECRET_FIELDS)
    return scrubbed


def _words_of(transaction: Mapping[str, Any]) -> tuple[OutcomeKind, OutcomeKind]:
    charge = _charge_kind(transaction)
    if charge is not None:
        return charge, _Kind.DECLINED
    found = _FOLLOW_UPS.get(str(transaction.get("transaction_type")))
    if found is None:
        raise Unreadable("a transaction of a type that moves no money of ours")
    return found


def _charge_kind(transaction: Mapping[str, Any]) -> OutcomeKind | None:
    name = str(transaction.get("transaction_type") or "")
    return next((kind for suffix, kind in _CHARGES if name.endswith(suffix)), None)


def _chosen(found: Mapping[str, Any], names: str) -> dict[str, Any]:
    plain = (str, int, bool, type(None))
    return {name: found[name] for name in names.split() if name in found and isinstance(found[name], plain)}


def _part(transaction: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = transaction.get(name)
    return part if isinstance(part, Mapping) else {}
