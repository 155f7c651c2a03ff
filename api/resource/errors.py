"""Say no in the standard error object: the status, a sentence, and for bad data each field with what was sent in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from django.http import Http404
from django.utils import timezone
from django.utils.encoding import iri_to_uri
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response

from api import auth, idempotency
from api.fields import FieldRefused
from api.refusals import LOCK_RETRY_SECONDS, Translations, refused, seconds_to_wait, translated
from api.request_id import current_request_id
from api.resource.values import href_of, utc_time
from bookings import errors as bookings
from card_numbers import mask_card_numbers
from payments import errors as payments
from payments.services.locking import is_about_a_lock

log = structlog.get_logger(__name__)

INVALID_DATA = "INVALID_DATA"
LONGEST_ECHO = 200
REDACTED = "[redacted]"
# Nothing that was sent below it is ever said again.
CARD_FIELD = "details"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Be one field of a request that cannot be used; `field` is dotted, such as `details.expiry_month`."""

    field: str
    detail: str
    value: object


class Refusal(Exception):
    """Be one answer with the standard error object; `is_undecided` says that nobody knows whether money moved."""

    def __init__(
        self,
        http_status: int,
        message: str,
        *,
        problems: tuple[Problem, ...] = (),
        retry_after: int | None = None,
        is_undecided: bool = False,
    ) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.message = message
        self.problems = problems
        self.retry_after = retry_after
        self.is_undecided = is_undecided


class DataRefused(Refusal):
    """Be the 400 of a request some of whose fields cannot be used."""

    def __init__(self, *problems: Problem) -> None:
        about = {problem.field.partition(".")[0] for problem in problems}
        if len(about) == 1:
            message = _("Invalid payment %(field)s") % {"field": about.pop()}
        else:
            message = _("Invalid payment data")
        super().__init__(400, message, problems=problems)


def problem_of(refused: FieldRefused, sent: Mapping[str, object]) -> Problem:
    """Return a refused field with what was sent in it."""
    value: object = sent
    for name in refused.field.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return Problem(field=refused.field, detail=refused.reason, value=value)


def answer_with_refusal(error: Exception, context: dict[str, Any]) -> Response:
    """Turn whatever a view raised into an answer; what we did not foresee is logged as a fault of ours."""
    refusal = refusal_for(error)
    body = {
        "http_status_code": refusal.http_status,
        "time": utc_time(timezone.now()),
        "message": mask_card_numbers(refusal.message),
        "errors": [_error_fields(problem) for problem in refusal.problems],
        "error_id": current_request_id(),
        "href": mask_card_numbers(href_of(iri_to_uri(context["request"].path[1:LONGEST_ECHO]))),
    }
    if refusal.http_status >= 500:
        log.error("resource_request_failed", exc_info=error)
    else:
        log.info("resource_request_refused", status=refusal.http_status, reason=type(error).__name__)
    return refused(
        body,
        http_status=refusal.http_status,
        retry_after=refusal.retry_after,
        challenge="X-Application-Key" if isinstance(error, auth.NoKey | auth.BadKey) else None,
    )


def _error_fields(problem: Problem) -> dict[str, object]:
    return {
        "code": INVALID_DATA,
        "detail": problem.detail,
        "field": problem.field,
        "value": _echo(problem),
    }


def _echo(problem: Problem) -> object:
    """Return what was sent, unless it is no plain value, is long, or could be a card's."""
    value = problem.value
    if value is None or isinstance(value, Mapping | list):
        return None
    if problem.field.partition(".")[0] == CARD_FIELD:
        return REDACTED
    whole = str(value)
    # Masked before it is cut, for half of a number is not recognized.
    text = mask_card_numbers(whole[: 2 * LONGEST_ECHO])[:LONGEST_ECHO]
    return text if text != whole else value


def refusal_for(error: Exception) -> Refusal:
    """Return what this API says of an error."""
    if isinstance(error, Refusal):
        return error
    known = translated(error, _TRANSLATIONS)
    if known is not None:
        return known
    if is_about_a_lock(error):
        return Refusal(
            409, _("Somebody else is changing the same thing; repeat the request."), retry_after=LOCK_RETRY_SECONDS
        )
    return Refusal(
        500,
        _("Something went wrong on our side. Repeat the request under the same Idempotency-Key."),
        is_undecided=True,
    )


def _for_edge(error: Exception) -> Refusal:
    match error:
        case auth.NoKey() | auth.BadKey():
            return Refusal(401, _("The X-Application-Key header is missing, or its key opens nothing here."))
        case Http404():
            return Refusal(404, _("Not found."))
        case exceptions.MethodNotAllowed():
            return Refusal(405, _("This method is not allowed here."))
        case exceptions.NotAcceptable():
            return Refusal(406, str(error.detail))
        case exceptions.UnsupportedMediaType():
            return Refusal(415, _("The body must be sent as application/json or application/xml."))
        case exceptions.Throttled():
            return Refusal(429, _("Too many requests; wait before the next one."), retry_after=seconds_to_wait(error))
        case exceptions.ParseError():
            return Refusal(400, str(error.detail))
        case _:
            return Refusal(400, _("The request could not be read."))


def _for_key(error: Exception) -> Refusal:
    match error:
        case idempotency.KeyInFlight():
            return Refusal(
                409,
                _("The first request with this Idempotency-Key is still being worked on; repeat this one."),
                retry_after=error.retry_after_seconds,
                is_undecided=True,
            )
        case idempotency.KeyReused():
            return Refusal(400, _("This Idempotency-Key was used for another request before."))
        case _:
            return Refusal(400, _("The Idempotency-Key header must have 1 to 255 printable ASCII characters."))


def _for_payment(error: Exception) -> Refusal:
    """Say why a card may not be charged at all; what the amount or the booking forbids, the view says of the field."""
    match error:
        case payments.PaymentPending():
            message = _("A payment of this booking is not decided yet; wait for it.")
            return Refusal(409, message, retry_after=error.retry_after_seconds, is_undecided=True)
        case payments.NoAccount() | payments.InvalidSource():
            return Refusal(403, _("No card payments are set up for you in this currency."))
        case payments.CardDetailsNotTaken():
            return Refusal(403, _("Card details are not taken from you: no account is set up to charge them."))
        case _:
            return Refusal(400, _("The payment cannot be made."))


def _not_found(_error: Exception) -> Refusal:
    return Refusal(404, _("Not found."))


_TRANSLATIONS: Translations[Refusal] = (
    ((bookings.BookingNotFound, bookings.CustomerNotFound), _not_found),
    ((payments.PaymentError,), _for_payment),
    ((idempotency.IdempotencyError,), _for_key),
    ((exceptions.APIException, Http404), _for_edge),
)
