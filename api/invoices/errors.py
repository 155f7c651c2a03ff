"""Say no as JSON:API does: `errors` with a status, a stable code, a sentence, and a pointer to what is wrong."""

import re
from http import HTTPStatus
from typing import Any

import structlog
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions, status
from rest_framework.response import Response

from api import auth, fields, idempotency
from api.callbacks.addresses import AddressRefused
from api.invoices.creating import OTHER_MODE, InvoiceRefused
from api.invoices.sales import SaleOver, SaleTokenRefused
from api.invoices.standing import InvoiceNotFound
from api.refusals import LOCK_RETRY_SECONDS, UNKNOWN_RETRY_SECONDS, Translations, refused, seconds_to_wait, translated
from bookings import errors as bookings
from card_numbers import mask_card_numbers
from payments import errors as payments
from payments.services.locking import is_about_a_lock

log = structlog.get_logger(__name__)

UNPROCESSABLE = status.HTTP_422_UNPROCESSABLE_ENTITY
PAYMENT_PENDING = "PAYMENT_PENDING"
_ATTRIBUTES = "/data/attributes"
_INDEX = re.compile(r"\[(\d+)\]")
# Our words for what an invoice is made of -> the attribute a partner knows.
_ATTRIBUTE_OF = {
    "amount": "amount",
    "reference": "reference_id",
    "customer_reference": "customer/reference_id",
    "description": "description",
    "return_url": "return_url",
    "expires_at": "expires",
    "metadata": "metadata",
}


class Refusal(Exception):
    """Be one error object; `pointer` names what is wrong with the document, `parameter` what is with the query."""

    def __init__(
        self,
        http_status: int,
        code: str,
        detail: str,
        *,
        pointer: str = "",
        parameter: str = "",
        retry_after: int | None = None,
    ) -> None:
        super().__init__(code)
        self.http_status = http_status
        self.code = code
        self.detail = detail
        self.pointer = pointer
        self.parameter = parameter
        self.retry_after = retry_after


def answer_with_refusal(error: Exception, context: dict[str, Any]) -> Response:
    """Turn whatever a view raised into an answer; what we did not foresee is logged as a fault of ours."""
    refusal = refusal_for(error)
    told: dict[str, Any] = {
        "status": str(refusal.http_status),
        "code": refusal.code,
        "title": HTTPStatus(refusal.http_status).phrase,
        "detail": mask_card_numbers(refusal.detail),
    }
    if refusal.pointer:
        told["source"] = {"pointer": refusal.pointer}
    elif refusal.parameter:
        told["source"] = {"parameter": refusal.parameter}
    if refusal.http_status >= status.HTTP_500_INTERNAL_SERVER_ERROR:
        log.error("invoices_request_failed", exc_info=error)
    else:
        log.info("invoices_request_refused", code=refusal.code, reason=type(error).__name__)
    is_unknown_caller = refusal.http_status == status.HTTP_401_UNAUTHORIZED
    return refused(
        {"errors": [told]},
        http_status=refusal.http_status,
        retry_after=refusal.retry_after,
        challenge=context["view"].authenticate_header_of_scheme if is_unknown_caller else None,
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
        words = _("Somebody else is changing the same thing; repeat the request.")
        return Refusal(409, "BUSY", words, retry_after=LOCK_RETRY_SECONDS)
    return Refusal(
        500, "INTERNAL_SERVER_ERROR", _("Something went wrong on our side. Look at the invoice, or repeat the request.")
    )


def _invalid(attribute: str, code: str, detail: str) -> Refusal:
    return Refusal(UNPROCESSABLE, code, detail, pointer=f"{_ATTRIBUTES}/{attribute}")


def _for_edge(error: Exception) -> Refusal:
    match error:
        case auth.NoKey():
            return Refusal(401, "UNAUTHORIZED", _("Send your account id and key as Basic authorization."))
        case auth.BadKey():
            return Refusal(403, "FORBIDDEN", _("This key is unknown, was revoked, or may not use payment invoices."))
        case SaleTokenRefused():
            return Refusal(401, "UNAUTHORIZED", _("The token of the sale is missing or wrong, or its hour is over."))
        case fields.FieldRefused() if error.field.startswith("page["):
            return Refusal(400, "INVALID_PARAMETER", f"{error.reason}.", parameter=error.field)
        case fields.FieldRefused():
            pointer = "/" + _INDEX.sub(r".\1", error.field).replace(".", "/")
            return Refusal(UNPROCESSABLE, "INVALID_VALUE", f"{error.reason}.", pointer=pointer)
        case idempotency.KeyMalformed():
            words = _("The Idempotency-Key header must have 1 to 255 printable ASCII characters.")
            return Refusal(400, "INVALID_IDEMPOTENCY_KEY", words)
        case idempotency.KeyReused():
            words = _("This Idempotency-Key was used for another request before.")
            return Refusal(UNPROCESSABLE, "IDEMPOTENCY_KEY_REUSED", words)
        case idempotency.KeyInFlight():
            words = _("The first request with this Idempotency-Key is still being worked on; repeat this one.")
            return Refusal(409, PAYMENT_PENDING, words, retry_after=error.retry_after_seconds)
        case exceptions.Throttled():
            return Refusal(
                429,
                "TOO_MANY_REQUESTS",
                _("Too many requests; wait before the next one."),
                retry_after=seconds_to_wait(error),
            )
        case exceptions.MethodNotAllowed():
            return Refusal(405, "METHOD_NOT_ALLOWED", _("There is no such route, or not with this method."))
        case InvoiceNotFound() | Http404() | exceptions.NotFound():
            return Refusal(404, "NOT_FOUND", _("There is no such payment invoice."))
        case exceptions.NotAcceptable():
            return Refusal(406, "NOT_ACCEPTABLE", _("Answers are application/vnd.api+json or application/json."))
        case exceptions.UnsupportedMediaType():
            words = _("The body must be sent as application/vnd.api+json or application/json.")
            return Refusal(415, "UNSUPPORTED_MEDIA_TYPE", words)
        case exceptions.ParseError():
            return Refusal(400, "BAD_REQUEST", str(error.detail))
        case _:
            return Refusal(400, "BAD_REQUEST", _("The request could not be read."))


def _for_invoice(error: Exception) -> Refusal:
    match error:
        case InvoiceRefused(code=code) if code == OTHER_MODE:
            return _invalid(error.field, code, _("This key is for tests alone."))
        case InvoiceRefused():
            words = _("The address is of no origin that you have registered with us.")
            return _invalid(error.field, error.code, words)
        case SaleOver():
            return Refusal(UNPROCESSABLE, "INVOICE_OVER", _("The invoice cannot be paid any more."))
        case AddressRefused(code="https_needed"):
            return _invalid("callback_url", "INVALID_VALUE", _("must begin with https://."))
        case AddressRefused():
            words = _("must be a web address whose host is public: %(reason)s.") % {"reason": error.code}
            return _invalid("callback_url", "INVALID_VALUE", words)
        case bookings.ReferenceTaken():
            return _invalid("reference_id", "REFERENCE_TAKEN", _("The reference_id has already been taken."))
        case bookings.OrderNotOpen():
            return Refusal(UNPROCESSABLE, "INVOICE_OVER", _("The invoice cannot be paid any more."))
        case bookings.InvalidValue():
            attribute = _ATTRIBUTE_OF.get(error.field, error.field.replace(".", "/"))
            return _invalid(
                attribute, "INVALID_VALUE", _("The value cannot be used: %(reason)s.") % {"reason": error.reason}
            )
        case _:
            return Refusal(UNPROCESSABLE, "UNPROCESSABLE", _("The request cannot be met."))


def _for_payment(error: Exception) -> Refusal:
    match error:
        case payments.InvalidCard():
            return _invalid("token", "INVALID_TOKEN", _("The token is no card of this customer's that can be charged."))
        case payments.NoAccount():
            return _invalid("currency", "NO_ACCOUNT", _("No card payments are set up for you in this currency."))
        case payments.GatewayMismatch() | payments.InvalidSource():
            return _invalid("token", "INVALID_TOKEN", _("The card's gateway does not take this payment."))
        case payments.RefundTooLarge():
            words = _("At most %(amount)s can be refunded.") % {"amount": error.refundable}
            return _invalid("amount", "REFUND_TOO_LARGE", words)
        case payments.PaymentPending():
            return Refusal(409, PAYMENT_PENDING, _pending(), retry_after=error.retry_after_seconds)
        case payments.OutcomeUnknown():
            return Refusal(409, PAYMENT_PENDING, _pending(), retry_after=UNKNOWN_RETRY_SECONDS)
        case _:
            return Refusal(UNPROCESSABLE, "UNPROCESSABLE", _("The payment cannot be made."))


def _pending() -> str:
    return _("The payment has not been confirmed by the gateway yet; repeat this request.")


_TRANSLATIONS: Translations[Refusal] = (
    ((InvoiceRefused, SaleOver, AddressRefused, bookings.BookingError), _for_invoice),
    ((payments.PaymentError,), _for_payment),
    (
        (
            exceptions.APIException,
            fields.FieldRefused,
            idempotency.IdempotencyError,
            InvoiceNotFound,
            SaleTokenRefused,
            Http404,
        ),
        _for_edge,
    ),
)
