"""Say no as RFC 9457 does: application/problem+json with a status, a stable code and a sentence.

Finance's systems are the operator's own: sentences are English only.
"""

from http import HTTPStatus
from typing import Any

import structlog
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response

from api import auth, fields, idempotency
from api.refusals import LOCK_RETRY_SECONDS, Translations, refused, seconds_to_wait, translated
from api.request_id import current_request_id
from card_numbers import mask_card_numbers
from payments.services.locking import is_about_a_lock
from reconciliation import errors as reconciliation

log = structlog.get_logger(__name__)

PROBLEM = "application/problem+json"
# A worker looks for what was asked for every five seconds.
WRITING_RETRY_SECONDS = 5
# The books are complete two minutes after a closing, or a little later.
COMPLETE_RETRY_SECONDS = 60


class Refusal(Exception):
    """Be one problem; `field` names what is wrong with the body or the query."""

    def __init__(
        self, http_status: int, code: str, detail: str, *, field: str = "", retry_after: int | None = None
    ) -> None:
        super().__init__(code)
        self.http_status = http_status
        self.code = code
        self.detail = detail
        self.field = field
        self.retry_after = retry_after


def answer_with_refusal(error: Exception, _context: dict[str, Any]) -> Response:
    """Turn whatever a view raised into an answer; what we did not foresee is logged as a fault of ours."""
    refusal = _refusal_for(error)
    body = {
        "type": "about:blank",
        "title": HTTPStatus(refusal.http_status).phrase,
        "status": refusal.http_status,
        "code": refusal.code,
        "detail": mask_card_numbers(refusal.detail),
        "request_id": current_request_id(),
    }
    if refusal.field:
        body["field"] = refusal.field
    if refusal.http_status == status.HTTP_500_INTERNAL_SERVER_ERROR:
        log.error("finance_request_failed", exc_info=error)
    else:
        log.info("finance_request_refused", code=refusal.code, reason=type(error).__name__)
    response = refused(
        body,
        http_status=refusal.http_status,
        retry_after=refusal.retry_after,
        challenge="Bearer" if refusal.http_status == status.HTTP_401_UNAUTHORIZED else None,
    )
    response.content_type = PROBLEM
    return response


def _refusal_for(error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    known = translated(error, _TRANSLATIONS)
    if known is not None:
        return known
    if is_about_a_lock(error):
        words = "The same is being asked for at this moment; repeat the request."
        return Refusal(503, "BUSY", words, retry_after=LOCK_RETRY_SECONDS)
    return Refusal(500, "INTERNAL_SERVER_ERROR", "Something went wrong on our side; repeat the request.")


def _for_edge(error: Exception) -> Refusal:
    match error:
        case auth.NoKey():
            return Refusal(401, "UNAUTHORIZED", "Send your key as Authorization: Bearer <key>.")
        case auth.BadKey():
            return Refusal(403, "FORBIDDEN", "This key is unknown, was revoked, or may not do this.")
        case Http404():
            return Refusal(404, "NOT_FOUND", "There is no such export.")
        case exceptions.MethodNotAllowed():
            return Refusal(405, "METHOD_NOT_ALLOWED", "The route has no such method.")
        case exceptions.UnsupportedMediaType():
            return Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "The body must be sent as application/json.")
        case exceptions.Throttled():
            return Refusal(
                429,
                "TOO_MANY_REQUESTS",
                "Too many requests; wait before the next one.",
                retry_after=seconds_to_wait(error),
            )
        case exceptions.ParseError():
            return Refusal(400, "BAD_REQUEST", str(error.detail))
        case _:
            return Refusal(400, "BAD_REQUEST", "The request could not be read.")


def _for_key(error: Exception) -> Refusal:
    match error:
        case idempotency.KeyMalformed():
            words = "The Idempotency-Key header must have 1 to 255 printable ASCII characters."
            return Refusal(400, "INVALID_IDEMPOTENCY_KEY", words)
        case _:
            words = "Something else was asked for under this Idempotency-Key before."
            return Refusal(422, "IDEMPOTENCY_KEY_REUSED", words)


def _for_field(error: fields.FieldRefused) -> Refusal:
    return Refusal(422, "INVALID_VALUE", f"{error.field} {error.reason}.", field=error.field)


def _for_export(error: Exception) -> Refusal:
    match error:
        case reconciliation.UnknownReport():
            return Refusal(422, "UNKNOWN_REPORT", f"{error}.", field="report")
        case reconciliation.NotCompleteYet():
            return Refusal(409, "NOT_COMPLETE_YET", f"{error}.", retry_after=COMPLETE_RETRY_SECONDS)
        case reconciliation.FileIsGone():
            return Refusal(410, "FILE_IS_GONE", f"{error}.")
        case _:
            return Refusal(422, "UNUSABLE_FILTER", f"{error}.")


_TRANSLATIONS: Translations[Refusal] = (
    ((reconciliation.ExportError,), _for_export),
    ((fields.FieldRefused,), _for_field),
    ((idempotency.IdempotencyError,), _for_key),
    ((exceptions.APIException, Http404), _for_edge),
)
