"""Why CardGate, or a bank behind it, said no: its `resolution`, in our six words.

Source: the vendor's page of test cards, which lists the resolutions; which word of ours each one is, is our reading.
"""

from collections.abc import Mapping
from types import MappingProxyType

from gateways.errors import DeclineClass, ErrorCode, classes_by_code
from gateways.protocol import Decline
from gateways.scrubbing import mask_numbers

_NAMES: dict[ErrorCode, str] = {
    ErrorCode.CREDIT_LIMIT_EXCEEDED: "insufficient_funds limit_violation",
    ErrorCode.INVALID_CARD_EXPIRY: "card_expired fatal_card_expired",
    # What INVALID_CARD_NUMBER tells the guest speaks of the security code as well.
    ErrorCode.INVALID_CARD_NUMBER: "invalid_pan invalid_card fatal_invalid_card invalid_cvv invalid_details",
    ErrorCode.PROCESSOR_UNAVAILABLE: """
        provider_error provider_fatal_error unable_to_reconcile unable_to_determine_3ds_enrolment
        fatal_issuer_unavailable invalid_credentials access_denied
    """,
    ErrorCode.TRANSACTION_DECLINED: """
        declined fatal_decline issuer_decline lost_or_stolen_card card_is_lost card_is_stolen card_restricted
        antifraud_error client_auth_failed invalid_3ds_code invalid_otp invalid_pin invalid_card_status
        card_verification_failed auth_3ds_required auth_fatal_error card_is_3ds_enrolled card_is_not_3ds_enrolled
        functionality_is_not_permitted
    """,
    ErrorCode.UNDEFINED_CARD_ERROR: """
        error unknown fatal_error general_fatal_error invalid_request invalid_amount duplicated_transaction
    """,
}
RESOLUTIONS: Mapping[str, ErrorCode] = MappingProxyType(
    {name: code for code, names in _NAMES.items() for name in names.split()}
)
# A family of which the vendor names only some: card_type_not_supported, card_type_not_allowed and so on.
_CARD_TYPE = "card_type_not_"
# Lost and stolen cards never come back, and a token is valid until its card expires. Source: "Tokenisation".
_CARD_IS_GONE = frozenset(
    {"lost_or_stolen_card", "card_is_lost", "card_is_stolen", "card_expired", "fatal_card_expired"}
)
# Our name for the refusal of an invoice because of its token, which the vendor gives as an error of that field.
TOKEN_REFUSED = "invalid_token"  # noqa: S105, a name
# What a code adds to our six words: what can be done about it.
DECLINE_CLASSES = classes_by_code(
    {
        DeclineClass.LOST_OR_STOLEN: "lost_or_stolen_card card_is_lost card_is_stolen",
        DeclineClass.FRAUD: "antifraud_error",
        DeclineClass.AUTHENTICATION: """
        client_auth_failed invalid_3ds_code invalid_otp auth_3ds_required auth_fatal_error card_is_3ds_enrolled
        card_is_not_3ds_enrolled
    """,
        DeclineClass.SECURITY_CODE: "invalid_cvv",
        DeclineClass.PIN: "invalid_pin",
        DeclineClass.LIMIT: "limit_violation",
        DeclineClass.ASK_THE_BANK: "declined fatal_decline issuer_decline card_verification_failed",
        DeclineClass.NOT_FOR_THIS: "card_restricted functionality_is_not_permitted invalid_card_status",
        DeclineClass.TOKEN_GONE: "invalid_token",
        DeclineClass.OUR_SIDE: """
            invalid_credentials access_denied invalid_request invalid_amount duplicated_transaction
        """,
    }
)


def decline_of(resolution: str, text: object = "") -> Decline:
    """Translate a resolution; one that is new, or "ok" beside a failure, is an undefined error."""
    name = resolution.strip().casefold()
    code = RESOLUTIONS.get(name)
    if code is None:
        is_card_type = name.startswith(_CARD_TYPE)
        code = ErrorCode.TRANSACTION_DECLINED if is_card_type else ErrorCode.UNDEFINED_CARD_ERROR
    return Decline(
        code=code,
        raw_code=mask_numbers(resolution)[:40],
        raw_text=text_of(text),
        is_card_gone=name in _CARD_IS_GONE,
    )


def token_refused(text: object) -> Decline:
    """Say that CardGate would not make an invoice with this token: it has it no more, or not for this customer."""
    return Decline(
        code=ErrorCode.UNDEFINED_CARD_ERROR, raw_code=TOKEN_REFUSED, raw_text=text_of(text), is_card_gone=True
    )


def text_of(value: object) -> str:
    """Return a vendor's text for staff: short, and without card numbers."""
    return mask_numbers(value if isinstance(value, str) else "")[:300]
