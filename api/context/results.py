"""How a payment ended, in this API's five-digit codes: a total map from our states and error codes."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from django.utils.translation import gettext as _

from api.context.models import ContextPreference
from gateways.errors import ErrorCode
from payments.sentences import sentence_for
from payments.services.card_charges import CardCharged
from payments.states import State, Status


class ResultCode(StrEnum):
    """Be the `errorCode` of an answer: what became of a payment, success included."""

    ACCEPTED = "22053"
    REDIRECT = "22054"
    PENDING = "22055"
    DECLINED = "22060"
    CARD_EXPIRED = "22061"
    LIMIT_EXCEEDED = "22063"
    NOT_AUTHENTICATED = "22064"
    NUMBER_INVALID = "22066"
    CARD_REFUSED = "22067"
    RELEASED = "22068"
    UNAVAILABLE = "22070"
    UNKNOWN = "22099"


# A payment that failed says why: see RESULT_OF_ERROR.
RESULT_OF_STATE: Mapping[State, ResultCode] = {
    State.CREATED: ResultCode.PENDING,
    State.ACTION_REQUIRED: ResultCode.REDIRECT,
    State.PENDING: ResultCode.PENDING,
    State.AUTHORIZED: ResultCode.ACCEPTED,
    State.CAPTURED: ResultCode.ACCEPTED,
    # Taken, and given back since: the payment was a success all the same.
    State.REFUNDED: ResultCode.ACCEPTED,
    State.VOIDED: ResultCode.RELEASED,
    State.FAILED: ResultCode.CARD_REFUSED,
    State.EXPIRED: ResultCode.NOT_AUTHENTICATED,
}
RESULT_OF_ERROR: Mapping[ErrorCode, ResultCode] = {
    ErrorCode.PROCESSOR_UNAVAILABLE: ResultCode.UNAVAILABLE,
    ErrorCode.TRANSACTION_DECLINED: ResultCode.DECLINED,
    ErrorCode.INVALID_CARD_NUMBER: ResultCode.NUMBER_INVALID,
    ErrorCode.INVALID_CARD_EXPIRY: ResultCode.CARD_EXPIRED,
    ErrorCode.CREDIT_LIMIT_EXCEEDED: ResultCode.LIMIT_EXCEEDED,
    ErrorCode.UNDEFINED_CARD_ERROR: ResultCode.CARD_REFUSED,
}
# What nobody has decided yet; all else but a success is a refusal, told with 200.
UNDECIDED = frozenset({ResultCode.REDIRECT, ResultCode.PENDING, ResultCode.UNKNOWN})


def result_of(charged: CardCharged, *, now: datetime) -> ResultCode:
    """Return how a payment by card stands."""
    charge = charged.transaction
    if charged.action is not None:
        return ResultCode.REDIRECT
    if is_over(charged, now=now):
        return ResultCode.NOT_AUTHENTICATED
    if charge.unknown_since_at is not None:
        return ResultCode.UNKNOWN
    state = State(charge.payment.state)
    if state is State.FAILED:
        return RESULT_OF_ERROR[ErrorCode(charge.error_code)]
    return RESULT_OF_STATE[state]


def is_over(charged: CardCharged, *, now: datetime) -> bool:
    """Say whether the time is over in which the guest could have come back from the bank."""
    charge = charged.transaction
    challenge = getattr(charge, "challenge", None)
    is_waiting = charge.status == Status.PENDING and charge.unknown_since_at is None
    return is_waiting and challenge is not None and challenge.expires_at <= now


def status_of(result: ResultCode, preference: ContextPreference) -> int:
    """Return the HTTP status of an answer."""
    if result is ResultCode.ACCEPTED:
        return preference.success_status
    return 202 if result in UNDECIDED else 200


def message_of(result: ResultCode) -> str:
    """Return the sentence for a result, in the language of the request."""
    match result:
        case ResultCode.ACCEPTED:
            return _("Transaction accepted")
        case ResultCode.REDIRECT:
            return _("The guest must confirm the payment at the bank.")
        case ResultCode.PENDING:
            return _("The payment has not been decided yet; ask for the list of payments later.")
        case ResultCode.UNKNOWN:
            return _("It is not known yet whether the card was charged; do not charge it again.")
        case ResultCode.NOT_AUTHENTICATED:
            return _("The guest did not confirm the payment at the bank in time.")
        case ResultCode.RELEASED:
            return _("The money that was held has been released.")
        case _:
            return sentence_for(_ERROR_OF_RESULT[result])


_ERROR_OF_RESULT = {result: error for error, result in RESULT_OF_ERROR.items()}
