"""Say no in this API's shape: `errorType`, `errors`, `correlationId`; what became of the money comes beside it."""

from typing import Any

import structlog
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response

from api import auth, fields, idempotency
from api.refusals import (
    LOCK_RETRY_SECONDS,
    UNAVAILABLE_RETRY_SECONDS,
    UNKNOWN_RETRY_SECONDS,
    Translations,
    refused,
    seconds_to_wait,
    translated,
)
from api.request_id import current_request_id
from bookings import errors as bookings
from card_numbers import mask_card_numbers
from gateways.errors import ErrorCode
from payments import errors as payments
from payments.sentences import sentence_for
from payments.services.locking import is_about_a_lock

log = structlog.get_logger(__name__)

# The words of `errorType`, with the status each comes with.
MALFORMED = "Malformed"
UNAUTHORIZED = "Unauthorized"
ALREADY_SET = "AlreadySet"
NOT_SET_UP = "NotSetUp"
NOT_FOUND = "NotFound"
UNDECIDED = "Undecided"
TOO_MANY_REQUESTS = "TooManyRequests"
UNAVAILABLE = "Unavailable"
SERVER_ERROR = "ServerError"
STATUS_OF_TYPE = {
    MALFORMED: 400,
    UNAUTHORIZED: 401,
    ALREADY_SET: 403,
    NOT_SET_UP: 403,
    NOT_FOUND: 404,
    UNDECIDED: 409,
    TOO_MANY_REQUESTS: 429,
    SERVER_ERROR: 500,
    UNAVAILABLE: 503,
}


class Refusal(Exception):
    """Be one answer in this API's error shape."""

    def __init__(self, error_type: str, *sentences: str, retry_after: int | None = None) -> None:
        super().__init__(error_type)
        self.error_type = error_type
        self.sentences = sentences
        self.retry_after = retry_after

    @property
    def http_status(self) -> int:
        """Return the status that comes with the type."""
        return STATUS_OF_TYPE[self.error_type]

    @property
    def is_undecided(self) -> bool:
        """Say whether the refusal itself leaves open what became of the money."""
        return self.error_type == UNDECIDED


def answer_with_refusal(error: Exception, _context: dict[str, Any]) -> Response:
    """Turn whatever a view raised into an answer; what we did not foresee is logged as a fault of ours."""
    refusal = refusal_for(error)
    body: dict[str, object] = {
        "errorType": refusal.error_type,
        "errors": [mask_card_numbers(sentence) for sentence in refusal.sentences],
        "correlationId": current_request_id(),
    }
    if refusal.error_type == SERVER_ERROR:
        log.error("context_request_failed", exc_info=error)
    else:
        log.info("context_request_refused", error_type=refusal.error_type, reason=type(error).__name__)
    return refused(
        body,
        http_status=refusal.http_status,
        retry_after=refusal.retry_after,
        challenge="X-Api-Key" if refusal.error_type == UNAUTHORIZED else None,
    )


def refusal_for(error: Exception) -> Refusal:
    """Return what this API calls an error."""
    if isinstance(error, Refusal):
        return error
    known = translated(error, _TRANSLATIONS)
    if known is not None:
        return known
    if is_about_a_lock(error):
        # The database took everything back that this request had done so far.
        return Refusal(
            UNDECIDED,
            _("Somebody else is changing the same thing; repeat the request."),
            retry_after=LOCK_RETRY_SECONDS,
        )
    return Refusal(
        SERVER_ERROR,
        _("Something went wrong on our side. Repeat the request under the same Idempotency-Key."),
    )


def _for_edge(error: Exception) -> Refusal:
    match error:
        case auth.NoKey() | auth.BadKey():
            return Refusal(UNAUTHORIZED, _("Missing or invalid API key."))
        case fields.FieldRefused():
            return Refusal(MALFORMED, f"{error.field}: {error.reason}.")
        case idempotency.KeyMalformed():
            return Refusal(MALFORMED, _("The Idempotency-Key header must have 1 to 255 printable ASCII characters."))
        case idempotency.KeyReused():
            return Refusal(ALREADY_SET, _("This Idempotency-Key was used for another request before."))
        case idempotency.KeyInFlight():
            return Refusal(
                UNDECIDED,
                _("The first request of this kind is still being worked on; repeat this one."),
                retry_after=error.retry_after_seconds,
            )
        case exceptions.Throttled():
            return Refusal(
                TOO_MANY_REQUESTS, _("Too many requests; wait before the next one."), retry_after=seconds_to_wait(error)
            )
        case exceptions.UnsupportedMediaType():
            return Refusal(MALFORMED, _("The body must be sent as application/json."))
        case exceptions.ParseError():
            return Refusal(MALFORMED, str(error.detail))
        case exceptions.MethodNotAllowed() | exceptions.NotFound() | Http404():
            return Refusal(NOT_FOUND, _("There is no such route, or not with this method."))
        case _:
            return Refusal(MALFORMED, _("The request could not be read."))


def _for_booking(error: Exception) -> Refusal:
    match error:
        case bookings.BookingNotFound():
            return Refusal(NOT_FOUND, _("There is no such booking."))
        case bookings.CustomerNotFound():
            return Refusal(NOT_FOUND, _("There is no such customer."))
        case bookings.InvalidValue():
            return Refusal(MALFORMED, f"{NAMES.get(error.field, error.field)}: {error.reason}.")
        case _:
            return Refusal(ALREADY_SET, _("The booking cannot be confirmed, and so nothing was taken for it."))


# Our words for what is sent under another name here.
NAMES = {"return_url": "returnURL"}


def _for_payment(error: Exception) -> Refusal:
    match error:
        case payments.AlreadyPaid():
            return Refusal(ALREADY_SET, _("The booking is already paid in full."))
        case payments.NotPayable():
            return Refusal(ALREADY_SET, _("The booking is cancelled, or its hold has expired."))
        case payments.AmountMismatch():
            return Refusal(MALFORMED, _("amount: at most %(amount)s is due.") % {"amount": error.due})
        case payments.CurrencyMismatch():
            return Refusal(
                MALFORMED, _("currencyCode: the booking is in %(currency)s.") % {"currency": error.due.currency}
            )
        case payments.CreditTooSmall():
            words = _("amount: the customer's credit is %(amount)s.") % {"amount": error.available}
            return Refusal(MALFORMED, words)
        case payments.PaymentPending():
            words = _("Another payment of this booking is still undecided; repeat this one later.")
            return Refusal(UNDECIDED, words, retry_after=error.retry_after_seconds)
        case payments.OutcomeUnknown() | payments.PaymentChanged():
            words = _("Another payment of this booking is still undecided; repeat this one later.")
            return Refusal(UNDECIDED, words, retry_after=UNKNOWN_RETRY_SECONDS)
        case payments.GatewayUnavailable():
            words = sentence_for(ErrorCode.PROCESSOR_UNAVAILABLE)
            return Refusal(UNAVAILABLE, words, retry_after=UNAVAILABLE_RETRY_SECONDS)
        case payments.InvalidEvidence():
            return Refusal(MALFORMED, _("paymentDetails: they are not what the bank gave for this payment."))
        case payments.NoAccount() | payments.CardDetailsNotTaken() | payments.InvalidSource():
            return Refusal(NOT_SET_UP, _("No account is set up to charge encrypted cards for you in this currency."))
        case _:
            return Refusal(ALREADY_SET, _("The payment cannot be made."))


_TRANSLATIONS: Translations[Refusal] = (
    ((bookings.BookingError,), _for_booking),
    ((payments.PaymentError,), _for_payment),
    ((exceptions.APIException, fields.FieldRefused, idempotency.IdempotencyError, Http404), _for_edge),
)
