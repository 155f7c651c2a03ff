"""What can go wrong when we talk to a processor, and the six reasons a payment can fail for."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class ErrorCode(StrEnum):
    """Name why a payment failed, in the words every dialect shares; exactly these six."""

    PROCESSOR_UNAVAILABLE = "PROCESSOR_UNAVAILABLE"
    TRANSACTION_DECLINED = "TRANSACTION_DECLINED"
    INVALID_CARD_NUMBER = "INVALID_CARD_NUMBER"
    INVALID_CARD_EXPIRY = "INVALID_CARD_EXPIRY"
    CREDIT_LIMIT_EXCEEDED = "CREDIT_LIMIT_EXCEEDED"
    UNDEFINED_CARD_ERROR = "UNDEFINED_CARD_ERROR"


class DeclineClass(StrEnum):
    """Name what a vendor's own refusal code adds to our six, where it says more: what can be done about it."""

    LOST_OR_STOLEN = "LOST_OR_STOLEN"
    FRAUD = "FRAUD"
    HOLDER_STOPPED = "HOLDER_STOPPED"
    NEVER_AGAIN = "NEVER_AGAIN"
    AUTHENTICATION = "AUTHENTICATION"
    SECURITY_CODE = "SECURITY_CODE"
    PIN = "PIN"
    ADDRESS = "ADDRESS"
    LIMIT = "LIMIT"
    ASK_THE_BANK = "ASK_THE_BANK"
    NOT_FOR_THIS = "NOT_FOR_THIS"
    ACCOUNT_CLOSED = "ACCOUNT_CLOSED"
    GUEST_GAVE_UP = "GUEST_GAVE_UP"
    TOKEN_GONE = "TOKEN_GONE"  # noqa: S105, a name
    OUR_SIDE = "OUR_SIDE"


def classes_by_code(codes: Mapping[DeclineClass, str]) -> Mapping[str, DeclineClass]:
    """Return the class of every code of a vendor, from the codes of each class, with spaces between them."""
    return MappingProxyType({code: kind for kind, words in codes.items() for code in words.split()})


class GatewayError(Exception):
    """Be the root of all broken talk with a processor; a refusal is an Outcome, never an exception."""


class NotSent(GatewayError):
    """Say that the processor did nothing: it is safe to ask again, with the same key."""


class Busy(NotSent):
    """Say that the processor turned the call away unread, having too much to do: ask again later with the same key."""


class NotReady(NotSent):
    """Say that what was asked for is not there yet, and may be later."""


class AnswerLost(GatewayError):
    """Say that the processor may have acted: the outcome is unknown and must never be retried with a new key."""


class Rejected(GatewayError):
    """Say that the processor refused to understand us (our bug, or configuration): nothing happened there."""


class KeyRefused(Rejected):
    """Say that the processor does not let us in, or not do this (401, 403): whatever was asked about stays as it is."""


class InvalidSignature(GatewayError):
    """Say that a delivery does not prove that it comes from the processor."""


class Unsupported(GatewayError):
    """Say that this gateway has no such verb."""


class MisconfiguredAccount(GatewayError):
    """Say that an account lacks credentials or names a gateway we do not have."""
