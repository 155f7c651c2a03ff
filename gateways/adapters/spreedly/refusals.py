"""Why a processor behind Spreedly, a bank, or Spreedly itself said no, in our six words.

Looked at in this order, and the first that is in the table wins: Spreedly's normalized reason, the processor's code,
its detail and its text. Sources: Spreedly docs, "Normalized response values" and "Response codes"; processors' codes
come as ActiveMerchant, Spreedly's own library, words them.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from gateways.adapters.spreedly.calls import Problem
from gateways.errors import DeclineClass, ErrorCode, classes_by_code
from gateways.protocol import Decline
from gateways.scrubbing import mask_numbers

_BY_CODE: Mapping[ErrorCode, str] = MappingProxyType(
    {
        ErrorCode.CREDIT_LIMIT_EXCEEDED: "insufficient_funds card_limit_exceeded",
        ErrorCode.INVALID_CARD_EXPIRY: "expired_card invalid_expiry_date cc_rejected_bad_filled_date",
        # A bad security code is part of what INVALID_CARD_NUMBER tells the guest.
        ErrorCode.INVALID_CARD_NUMBER: (
            "invalid_number incorrect_number invalid_card invalid_account incorrect_cvv incorrect_cvc invalid_cvc "
            "security_code_error"
        ),
        ErrorCode.PROCESSOR_UNAVAILABLE: "issuer_unavailable issuer_not_available bank_error processing_error",
        ErrorCode.TRANSACTION_DECLINED: (
            "do_not_honor processor_declined card_declined restricted_card closed_card lost_stolen_card pick_up_card "
            "pickup_card fraud_suspected refused_due_to_sanctions call_issuer contact_bank request_authorization_card "
            "authentication_required cardholder_authentication_required transaction_not_allowed incorrect_zip "
            "incorrect_address incorrect_pin non_reloadable_prepaid_card single_use_virtual_card_number "
            "multi_use_virtual_card_number"
        ),
        ErrorCode.UNDEFINED_CARD_ERROR: (
            "invalid_merchant invalid_merchant_configuration invalid_amount insufficient_amount amount_not_supported "
            "currency_not_supported token_not_supported not_supported unsupported_feature duplicate_transaction "
            "cc_rejected_duplicated_payment config_error test_mode_live_card unknown"
        ),
    }
)
REFUSALS: Mapping[str, ErrorCode] = MappingProxyType(
    {word: code for code, words in _BY_CODE.items() for word in words.split()}
)
# The networks forbid to charge a card again after these. Source: Spreedly docs, "Normalized response values".
CARD_IS_GONE = frozenset({"do_not_try_again", "stop_recurring_payment"})

# Spreedly's own errors that speak of the card. Source: Spreedly docs, "Response codes" and "Errors".
_BY_ATTRIBUTE: Mapping[str, ErrorCode] = MappingProxyType(
    {
        "number": ErrorCode.INVALID_CARD_NUMBER,
        "verification_value": ErrorCode.INVALID_CARD_NUMBER,
        "month": ErrorCode.INVALID_CARD_EXPIRY,
        "year": ErrorCode.INVALID_CARD_EXPIRY,
        "first_name": ErrorCode.UNDEFINED_CARD_ERROR,
        "last_name": ErrorCode.UNDEFINED_CARD_ERROR,
        "full_name": ErrorCode.UNDEFINED_CARD_ERROR,
    }
)
_EXPIRED = "errors.expired"
# A token that was never made, was purged before it was used, or was redacted.
_NO_SUCH_CARD = re.compile(r"errors\.(invalid_)?payment_method\w*|errors\.\w*redacted\w*")
# What a code adds to our six words: what can be done about it.
DECLINE_CLASSES = classes_by_code(
    {
        DeclineClass.LOST_OR_STOLEN: "lost_stolen_card pick_up_card pickup_card",
        DeclineClass.FRAUD: "fraud_suspected refused_due_to_sanctions",
        DeclineClass.AUTHENTICATION: "authentication_required cardholder_authentication_required",
        DeclineClass.SECURITY_CODE: "incorrect_cvv incorrect_cvc invalid_cvc security_code_error",
        DeclineClass.PIN: "incorrect_pin",
        DeclineClass.ADDRESS: "incorrect_zip incorrect_address",
        DeclineClass.LIMIT: "card_limit_exceeded",
        DeclineClass.ASK_THE_BANK: """
        do_not_honor processor_declined card_declined call_issuer contact_bank request_authorization_card
    """,
        DeclineClass.NOT_FOR_THIS: """
        restricted_card transaction_not_allowed non_reloadable_prepaid_card single_use_virtual_card_number
        multi_use_virtual_card_number
    """,
        DeclineClass.ACCOUNT_CLOSED: "closed_card",
        DeclineClass.OUR_SIDE: """
        invalid_merchant invalid_merchant_configuration invalid_amount insufficient_amount amount_not_supported
        currency_not_supported token_not_supported not_supported unsupported_feature duplicate_transaction
        cc_rejected_duplicated_payment config_error test_mode_live_card
    """,
    }
)


def decline_of(transaction: Mapping[str, Any]) -> Decline:
    """Translate a transaction that failed; without any word the processor simply said no."""
    outcome, response = outcome_data_of(transaction), _mapping(transaction.get("response"))
    said = [
        _text(value)
        for value in (
            outcome.get("failure_reason"),
            response.get("error_code"),
            response.get("error_detail"),
            response.get("message"),
        )
    ]
    words = [word for word in map(_word, said) if word in REFUSALS]
    code = REFUSALS[words[0]] if words else ErrorCode.TRANSACTION_DECLINED
    raw_code = next((text for text in (said[0], said[1], _text(transaction.get("message_key"))) if text), "")
    return Decline(
        code=code,
        raw_code=raw_code[:40],
        raw_text=said[3] or _text(transaction.get("message")),
        is_card_gone=str(outcome.get("network_advice_code") or "").strip().lower() in CARD_IS_GONE,
    )


def decline_of_problems(problems: tuple[Problem, ...]) -> Decline | None:
    """Translate what Spreedly stopped a charge for; None when it is about us and not about the card."""
    for problem, code, is_gone in _about_the_card(problems):
        return Decline(code=code, raw_code=problem.key[:40], raw_text=_text(problem.message), is_card_gone=is_gone)
    return None


def outcome_data_of(transaction: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return Spreedly's normalized words; its page and its reference spell their place in two ways."""
    found = _mapping(transaction.get("gateway_response"))
    return _mapping(found.get("payment_outcome_data") or found.get("outcome_data"))


def _about_the_card(problems: tuple[Problem, ...]) -> Iterator[tuple[Problem, ErrorCode, bool]]:
    for problem in problems:
        if problem.key == _EXPIRED:
            yield problem, ErrorCode.INVALID_CARD_EXPIRY, False
        elif problem.attribute in _BY_ATTRIBUTE:
            yield problem, _BY_ATTRIBUTE[problem.attribute], False
        elif _NO_SUCH_CARD.fullmatch(problem.key):
            yield problem, ErrorCode.UNDEFINED_CARD_ERROR, True


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _text(value: object) -> str:
    return mask_numbers(str(value or ""))[:300]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
