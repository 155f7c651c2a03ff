"""Why a bank, or Stripe in its place, said no: Stripe's codes in our six words."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from gateways.errors import DeclineClass, ErrorCode, classes_by_code
from gateways.protocol import Decline
from gateways.scrubbing import mask_numbers

_BY_CODE: Mapping[ErrorCode, str] = {
    ErrorCode.PROCESSOR_UNAVAILABLE: """
        processing_error issuer_not_available try_again_later reenter_transaction payment_method_provider_timeout
        three_d_secure_authentication_upstream_error
    """,
    ErrorCode.INVALID_CARD_NUMBER: "incorrect_number invalid_number invalid_account new_account_information_available",
    ErrorCode.INVALID_CARD_EXPIRY: "expired_card expired_payment_method invalid_expiry_month invalid_expiry_year",
    ErrorCode.CREDIT_LIMIT_EXCEEDED: """
        insufficient_funds card_velocity_exceeded withdrawal_count_limit_exceeded invalid_amount
        charge_exceeds_source_limit charge_exceeds_transaction_limit
    """,
    ErrorCode.TRANSACTION_DECLINED: """
        generic_decline do_not_honor call_issuer approve_with_id transaction_not_allowed not_permitted no_action_taken
        service_not_allowed security_violation restricted_card pickup_card lost_card stolen_card fraudulent
        merchant_blacklist do_not_try_again stop_payment_order revocation_of_authorization
        revocation_of_all_authorizations card_not_supported currency_not_supported duplicate_transaction incorrect_cvc
        invalid_cvc incorrect_zip incorrect_address incorrect_pin invalid_pin pin_try_exceeded testmode_decline
        card_decline_rate_limit_exceeded authentication_required payment_intent_authentication_failure
        setup_intent_authentication_failure payment_method_customer_decline payment_method_provider_decline
    """,
}
# `decline_code`, or `code` where there is no decline code -> our code. Both lists are open.
# Source: Stripe docs, "Decline codes" and "Error codes".
REFUSALS: Mapping[str, ErrorCode] = MappingProxyType(
    {code: ours for ours, codes in _BY_CODE.items() for code in codes.split()}
)
# The card is no card any more, or its holder told the bank to refuse. Source: Stripe docs, "Decline codes".
CARD_IS_GONE = frozenset(
    {
        "lost_card",
        "pickup_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "stolen_card",
        "stop_payment_order",
    }
)
# The network forbids to ask again, and fines who does. Source: Stripe docs, "Card declines", advice codes.
_NEVER_AGAIN = "do_not_try_again"
# `outcome.type` of a charge that Stripe's own rules stopped before a bank was asked.
_BLOCKED = "blocked"
# What a code adds to our six words: what can be done about it.
DECLINE_CLASSES = classes_by_code(
    {
        DeclineClass.LOST_OR_STOLEN: "lost_card stolen_card pickup_card",
        DeclineClass.FRAUD: "fraudulent merchant_blacklist security_violation blocked",
        DeclineClass.HOLDER_STOPPED: "stop_payment_order revocation_of_authorization revocation_of_all_authorizations",
        DeclineClass.NEVER_AGAIN: "do_not_try_again card_decline_rate_limit_exceeded",
        DeclineClass.AUTHENTICATION: """
        authentication_required payment_intent_authentication_failure setup_intent_authentication_failure
    """,
        DeclineClass.SECURITY_CODE: "incorrect_cvc invalid_cvc",
        DeclineClass.PIN: "incorrect_pin invalid_pin pin_try_exceeded",
        DeclineClass.ADDRESS: "incorrect_zip incorrect_address",
        DeclineClass.LIMIT: """
        card_velocity_exceeded withdrawal_count_limit_exceeded charge_exceeds_source_limit
        charge_exceeds_transaction_limit invalid_amount
    """,
        DeclineClass.ASK_THE_BANK: "generic_decline do_not_honor call_issuer approve_with_id no_action_taken",
        DeclineClass.NOT_FOR_THIS: """
        transaction_not_allowed not_permitted service_not_allowed restricted_card card_not_supported
        currency_not_supported
    """,
        DeclineClass.GUEST_GAVE_UP: "payment_method_customer_decline",
        DeclineClass.OUR_SIDE: "duplicate_transaction testmode_decline",
    }
)


def decline_of(error: Mapping[str, Any]) -> Decline:
    """Translate the error of an answer or the last error of an intent: by decline code first, then by code."""
    return _decline(
        code=_word(error.get("code")),
        decline_code=_word(error.get("decline_code")),
        advice=_word(error.get("advice_code")),
        text=error.get("message"),
    )


def decline_of_charge(charge: Mapping[str, Any]) -> Decline:
    """Translate a failed charge, which says the same in other fields: `failure_code`, and the reason in `outcome`."""
    told = charge.get("outcome")
    outcome: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    code, reason = _word(charge.get("failure_code")), _word(outcome.get("reason"))
    if outcome.get("type") == _BLOCKED:
        text = text_of(charge.get("failure_message"))
        return Decline(code=ErrorCode.TRANSACTION_DECLINED, raw_code=(reason or _BLOCKED)[:40], raw_text=text)
    return _decline(
        code=code,
        # The outcome repeats `failure_code` where there is no decline code.
        decline_code="" if reason == code else reason,
        advice=_word(outcome.get("advice_code")),
        text=charge.get("failure_message"),
    )


def text_of(value: object) -> str:
    """Return a vendor's text for staff: short, and without card numbers."""
    return mask_numbers(str(value or ""))[:300]


def _decline(*, code: str, decline_code: str, advice: str, text: object) -> Decline:
    ours = REFUSALS.get(decline_code) or REFUSALS.get(code)
    if ours is None:
        is_plain = code == "card_declined" and not decline_code
        ours = ErrorCode.TRANSACTION_DECLINED if is_plain else ErrorCode.UNDEFINED_CARD_ERROR
    return Decline(
        code=ours,
        raw_code=(decline_code or code)[:40],
        raw_text=text_of(text),
        is_card_gone=bool(CARD_IS_GONE & {decline_code, code}) or advice == _NEVER_AGAIN,
    )


def _word(value: object) -> str:
    return text_of(value) if isinstance(value, str) else ""
