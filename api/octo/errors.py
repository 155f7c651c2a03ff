"""Say no in OCTO's envelope: `error`, `errorMessage` and the offending value; 400 for every refusal of ours."""

import uuid
from typing import Any

import structlog
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions, status
from rest_framework.response import Response

from api import auth, fields, idempotency
from api.callbacks import errors as callbacks
from api.callbacks.addresses import AddressRefused
from api.octo.catalogue_requests import DEFAULT_OPTION
from api.octo.payment_requests import no_card_details
from api.refusals import (
    LOCK_RETRY_SECONDS,
    UNAVAILABLE_RETRY_SECONDS,
    UNKNOWN_RETRY_SECONDS,
    Translations,
    refused,
    seconds_to_wait,
    translated,
)
from bookings import errors as bookings
from card_numbers import mask_card_numbers
from gateways.errors import ErrorCode
from money import Money, exponent_of
from payments import errors as payments
from payments.sentences import sentence_for
from payments.services.locking import is_about_a_lock

log = structlog.get_logger(__name__)

BAD_REQUEST = "BAD_REQUEST"
UNPROCESSABLE = "UNPROCESSABLE_ENTITY"
INVALID_BOOKING_UUID = "INVALID_BOOKING_UUID"
PAYMENT_PENDING = "PAYMENT_PENDING"
GIFTS_FIELDS_REQUIRED = "GIFTS_FIELDS_REQUIRED"
INVALID_GIFT_UUID = "INVALID_GIFT_UUID"
LONGEST_ECHO = 200


class Refusal(Exception):
    """Be one answer in OCTO's error envelope; `details` are the extra keys the code calls for."""

    def __init__(
        self, code: str, message: str, *, http_status: int = 400, retry_after: int | None = None, **details: object
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.http_status = http_status
        self.retry_after = retry_after
        self.details = details


def answer_with_refusal(error: Exception, context: dict[str, Any]) -> Response:
    """Turn whatever a view raised into an answer; what we did not foresee is logged as a fault of ours."""
    refusal = refusal_for(error)
    sent_uuid = context.get("kwargs", {}).get("uuid")
    body: dict[str, object] = {"error": refusal.code, "errorMessage": mask_card_numbers(refusal.message)}
    body.update({name: _echo(value) for name, value in refusal.details.items() if value is not None})
    if sent_uuid is not None:
        body.setdefault("uuid", _echo(sent_uuid))
    sent_order_id = context.get("kwargs", {}).get("order_id")
    if sent_order_id is not None:
        body.setdefault("orderId", _echo(sent_order_id))
    if refusal.retry_after is not None:
        body["retryAfter"] = refusal.retry_after
    if refusal.http_status >= status.HTTP_500_INTERNAL_SERVER_ERROR:
        log.error("octo_request_failed", exc_info=error)
    else:
        log.info("octo_request_refused", code=refusal.code, reason=type(error).__name__)
    return refused(
        body,
        http_status=refusal.http_status,
        retry_after=refusal.retry_after,
        challenge="Bearer" if isinstance(error, auth.NoKey) else None,
    )


def refusal_for(error: Exception) -> Refusal:
    """Return what OCTO calls an error."""
    if isinstance(error, Refusal):
        return error
    known = translated(error, _TRANSLATIONS)
    if known is not None:
        return known
    if is_about_a_lock(error):
        return Refusal(
            PAYMENT_PENDING,
            _("Somebody else is changing the same thing; repeat the request."),
            retry_after=LOCK_RETRY_SECONDS,
        )
    return Refusal(
        "INTERNAL_SERVER_ERROR",
        _("Something went wrong on our side. Repeat the request; nothing is done twice under the same uuid."),
        http_status=500,
    )


def _echo(value: object) -> object:
    """Return a value as it was sent, unless it is long or could hold a card number."""
    if not isinstance(value, str):
        return value
    try:
        uuid.UUID(value)
    except ValueError:
        return mask_card_numbers(value[:LONGEST_ECHO])
    return value


def _for_edge(error: Exception) -> Refusal:
    match error:
        case auth.NoKey():
            return Refusal("UNAUTHORIZED", _("Send your key as `Authorization: Bearer <key>`."), http_status=401)
        case auth.BadKey():
            return Refusal("FORBIDDEN", _("This key is unknown, was revoked, or may not use OCTO."), http_status=403)
        case fields.FieldRefused():
            return Refusal(BAD_REQUEST, f"{error.field}: {error.reason}.")
        case idempotency.KeyMalformed():
            return Refusal(BAD_REQUEST, _("The Idempotency-Key header must have 1 to 255 printable ASCII characters."))
        case idempotency.KeyReused():
            return Refusal(BAD_REQUEST, _("This Idempotency-Key was used for another request before."))
        case idempotency.KeyInFlight():
            return Refusal(
                PAYMENT_PENDING,
                _("The first request with this Idempotency-Key is still being worked on; repeat this one."),
                retry_after=error.retry_after_seconds,
            )
        case exceptions.Throttled():
            return Refusal(
                "TOO_MANY_REQUESTS",
                _("Too many requests; wait before the next one."),
                http_status=429,
                retry_after=seconds_to_wait(error),
            )
        case exceptions.MethodNotAllowed() | Http404() | exceptions.NotFound():
            return Refusal(BAD_REQUEST, _("There is no such route, or not with this method."))
        case exceptions.UnsupportedMediaType():
            return Refusal(BAD_REQUEST, _("The body must be sent as application/json."))
        case exceptions.ParseError():
            return Refusal(BAD_REQUEST, str(error.detail))
        case _:
            return Refusal(BAD_REQUEST, _("The request could not be read."))


def _for_booking(error: Exception) -> Refusal:
    match error:
        case bookings.ProductNotFound():
            return Refusal("INVALID_PRODUCT_ID", _("There is no such product."), productId=error.product_id)
        case bookings.OptionNotFound():
            option_id = error.option_id or DEFAULT_OPTION
            return Refusal("INVALID_OPTION_ID", _("The product has no such option."), optionId=option_id)
        case bookings.UnitNotFound():
            return Refusal("INVALID_UNIT_ID", _("The option has no such unit."), unitId=error.unit_id)
        case bookings.AvailabilityNotFound():
            sent = error.availability_id or ""
            return Refusal("INVALID_AVAILABILITY_ID", _("The option has no such availability."), availabilityId=sent)
        case bookings.BookingNotFound():
            return Refusal(INVALID_BOOKING_UUID, _("There is no such booking."), uuid=error.uuid)
        case bookings.BookingUuidTaken():
            return Refusal(INVALID_BOOKING_UUID, _("This uuid was already used for another booking."), uuid=error.uuid)
        case bookings.HoldExpired():
            return Refusal(
                INVALID_BOOKING_UUID, _("The hold of this booking has expired; reserve again."), uuid=error.uuid
            )
        case bookings.GiftNotFound():
            return Refusal(INVALID_GIFT_UUID, _("There is no such gift."), uuid=error.uuid)
        case bookings.GiftUuidTaken():
            return Refusal(INVALID_GIFT_UUID, _("This uuid was already used for another gift."), uuid=error.uuid)
        case bookings.GiftHoldExpired():
            return Refusal(INVALID_GIFT_UUID, _("The hold of this gift has expired; make a new one."), uuid=error.uuid)
        case bookings.GiftAmountNotAllowed():
            return Refusal(
                BAD_REQUEST,
                _("amount: a gift is worth from %(least)s to %(most)s.") % {"least": error.least, "most": error.most},
                currency=error.least.currency,
                currencyPrecision=exponent_of(error.least.currency),
            )
        case bookings.OrderNotFound():
            return Refusal(BAD_REQUEST, _("There is no such order."), orderId=error.order_id)
        case bookings.OrderUuidTaken():
            return Refusal(BAD_REQUEST, _("This id was already used for another order."), orderId=error.order_id)
        case bookings.OrderNotOpen():
            words = _("The order cannot be changed: %(reason)s.") % {"reason": error.reason}
            return Refusal(UNPROCESSABLE, words, orderId=error.order_id)
        case bookings.OrderNotNotifiable():
            words = _("The order cannot be mailed: %(reason)s.") % {"reason": error.reason}
            return Refusal(UNPROCESSABLE, words, orderId=error.order_id)
        case bookings.OrderWithoutAddress():
            words = _("contact.emailAddress: is needed, for nobody in the order has one.")
            return Refusal(BAD_REQUEST, words, orderId=error.order_id)
        case bookings.OrderHasOtherHolds():
            words = _("The booking is paid with the others of its order; confirm the order.")
            return Refusal(UNPROCESSABLE, words, orderId=error.order_id)
        case bookings.CurrencyNotOffered():
            return Refusal(
                BAD_REQUEST,
                _("currency: the product is not sold in it; available: %(currencies)s.")
                % {"currencies": ", ".join(error.available) or "-"},
                currency=error.currency,
                availableCurrencies=list(error.available),
            )
        case bookings.SettlementMethodNotAllowed():
            return Refusal(
                BAD_REQUEST,
                _("settlementMethod: not allowed here; allowed: %(methods)s.")
                % {"methods": ", ".join(error.allowed) or "-"},
            )
        case bookings.InvalidValue():
            return Refusal(BAD_REQUEST, f"{octo_name(error.field)}: {error.reason}.")
        case bookings.PriceDiffers():
            return Refusal(
                UNPROCESSABLE,
                _("pricing: the booking costs %(amount)s.") % {"amount": error.retail},
                currency=error.retail.currency,
                currencyPrecision=exponent_of(error.retail.currency),
                amount=error.retail.minor,
            )
        case _:
            return Refusal(UNPROCESSABLE, _impossible(error))


def _impossible(error: Exception) -> str:
    """Say why something well-formed cannot be done."""
    match error:
        case bookings.SoldOut():
            return _("The availability has too few places left.")
        case bookings.UnitItemsMissing():
            return _("unitItems: a booking needs at least one.")
        case bookings.UnitRestriction():
            return _("unitItems: %(reason)s.") % {"reason": error.reason.rstrip(".")}
        case bookings.CutoffPassed():
            return _("Sales for this availability have ended.")
        case bookings.GiftNotConfirmable():
            return _("The gift is %(status)s and cannot be confirmed.") % {"status": error.status}
        case bookings.GiftNotCancellable() if error.is_spent:
            return _("Somebody has paid with this gift; it can no longer be cancelled.")
        case bookings.GiftNotCancellable():
            return _("The gift is %(status)s and cannot be cancelled.") % {"status": error.status}
        case bookings.GiftNotUpdatable():
            return _("The gift cannot be changed: %(reason)s.") % {"reason": error.reason}
        case bookings.GiftNotNotifiable():
            return _("The gift cannot be mailed: %(reason)s.") % {"reason": error.reason}
        case bookings.NotConfirmable():
            return _("The booking is %(status)s and cannot be confirmed.") % {"status": error.status}
        case bookings.NotCancellable():
            return _("The booking is %(status)s and cannot be cancelled.") % {"status": error.status}
        case bookings.CancellationCutoffPassed():
            return _("It is too late to cancel this booking.")
        case bookings.NotUpdatable():
            return _("The booking cannot be changed: %(reason)s.") % {"reason": error.reason}
        case bookings.AlreadyConfirmed():
            return _("The booking is confirmed already.")
        case _:
            return _("The request cannot be met.")


def octo_name(field: str) -> str:
    """Return OCTO's name of a field of ours, such as expirationMinutes for expiration_minutes."""
    first, *others = field.split("_")
    return first + "".join(word.capitalize() for word in others)


def _for_payment(error: Exception) -> Refusal:
    assert isinstance(error, payments.PaymentError)
    refusal = _payment_refusal(error)
    refusal.details.setdefault("cardPaymentId", error.payment_reference)
    return refusal


def _payment_refusal(error: payments.PaymentError) -> Refusal:
    match error:
        case payments.InvalidSource():
            return Refusal(
                "GATEWAY_INVALID_SOURCE", _("cardPayment.source: must be POS, ECOM or MOTO, as set up for you.")
            )
        case payments.CurrencyMismatch():
            return Refusal(
                "GATEWAY_CURRENCY_MISMATCH", _("cardPayment.currency: is not the booking's."), **_money(error.due)
            )
        case payments.AmountMismatch():
            return Refusal(BAD_REQUEST, _("cardPayment.amount: is not the amount due."), **_money(error.due))
        case payments.GatewayMismatch():
            return Refusal("GATEWAY_MISMATCH", _("cardPayment.gateway: is not the gateway of this booking."))
        case payments.InvalidCard():
            return Refusal("INVALID_CARD_ID", _("cardPayment.cardId: is no reusable card of this booking's gateway."))
        case payments.InvalidEvidence():
            return Refusal(BAD_REQUEST, _("cardPayment: the session or reference is not one of this booking."))
        case payments.CardDetailsNotTaken():
            return Refusal(BAD_REQUEST, f"cardPayment: {no_card_details()}.")
        case payments.NoAccount():
            return Refusal(UNPROCESSABLE, _("No card payments are set up for you in this currency."))
        case payments.PaymentDue():
            return Refusal(UNPROCESSABLE, _("The booking is not paid yet; send cardPayment."), **_money(error.due))
        case payments.PaymentPending():
            return Refusal(PAYMENT_PENDING, _pending(), retry_after=error.retry_after_seconds)
        case payments.OutcomeUnknown():
            return Refusal(PAYMENT_PENDING, _pending(), retry_after=UNKNOWN_RETRY_SECONDS)
        case payments.GatewayUnavailable():
            code = ErrorCode.PROCESSOR_UNAVAILABLE
            return Refusal(BAD_REQUEST, sentence_for(code), retry_after=UNAVAILABLE_RETRY_SECONDS, errorCode=code.value)
        case payments.PaymentRefused():
            return payment_refused(error.error_code, reason=error.reason)
        case payments.GiftCurrencyMismatch():
            return Refusal(
                "GIFT_CURRENCY_MISMATCH",
                _("giftPayment.code: the gift is in another currency."),
                currency=error.currency,
            )
        case payments.GiftEmpty():
            return Refusal("GIFT_EMPTY", _("giftPayment.code: nothing is left of the gift."))
        case payments.GiftNotUsable():
            return Refusal("INVALID_GIFT_CODE", _("giftPayment.code: there is no such gift."))
        case payments.GiftPaymentKept():
            return Refusal(
                UNPROCESSABLE, _("giftPayment: what a gift paid for something confirmed goes back only by cancelling.")
            )
        case payments.NotCancellableByPartner():
            return Refusal(UNPROCESSABLE, _("Only our staff can undo a payment of a confirmed booking."))
        case _:
            return Refusal(UNPROCESSABLE, _("The payment cannot be made."))


def payment_refused(error_code: str, *, reason: str = "") -> Refusal:
    """Return the answer to a refused payment: our sentence for its code, or the partner's own reason given back."""
    code = ErrorCode(error_code)
    return Refusal(BAD_REQUEST, reason or sentence_for(code), errorCode=code.value)


def _pending() -> str:
    return _("The payment has not been confirmed by the gateway yet; repeat this request.")


def _money(due: Money) -> dict[str, Any]:
    return {"amount": due.minor, "currency": due.currency, "currencyPrecision": exponent_of(due.currency)}


def _for_webhook(error: Exception) -> Refusal:
    match error:
        case callbacks.SubscriptionNotFound():
            return Refusal(BAD_REQUEST, _("There is no such webhook."), webhookId=error.subscription_id)
        case callbacks.SubscriptionExists():
            return Refusal(BAD_REQUEST, _("url: another webhook tells this event there already."))
        case callbacks.TooManySubscriptions():
            return Refusal(UNPROCESSABLE, _("There are %(count)s webhooks already; end one.") % {"count": error.most})
        case AddressRefused(code="https_needed"):
            return Refusal(BAD_REQUEST, _("url: must begin with https://."))
        case AddressRefused(code="port_not_allowed"):
            return Refusal(BAD_REQUEST, _("url: the port must be 80, 443 or 1024 and above."))
        case AddressRefused(code="host_unknown"):
            return Refusal(BAD_REQUEST, _("url: the host has no address."))
        case AddressRefused(code="host_not_public"):
            return Refusal(BAD_REQUEST, _("url: the host must be a name, all of whose addresses are public."))
        case _:
            return Refusal(BAD_REQUEST, _("url: must be an http or https address in ASCII."))


_TRANSLATIONS: Translations[Refusal] = (
    ((bookings.BookingError,), _for_booking),
    ((payments.PaymentError,), _for_payment),
    ((callbacks.CallbackError, AddressRefused), _for_webhook),
    ((exceptions.APIException, fields.FieldRefused, idempotency.IdempotencyError, Http404), _for_edge),
)
