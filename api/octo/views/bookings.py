"""Reserve, read, change, extend, confirm and cancel."""

from collections.abc import Callable
from math import ceil

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import Fields
from api.idempotency import (
    Claim,
    Finished,
    RequestIdentity,
    claim_request,
    finish_request,
    release_key,
)
from api.octo.capabilities import CARD_PAYMENTS, PRICING
from api.octo.errors import payment_refused
from api.octo.payment_requests import read_payment
from api.octo.presenters.bookings import booking_fields
from api.octo.presenters.card_payments import card_payment_fields
from api.octo.requests import read_booking_list, read_cancel, read_changes, read_confirm, read_extend, read_reserve
from api.octo.schema import operation
from api.octo.shapes import list_of, shape
from api.octo.views.base import OctoView
from bookings import selectors, services
from bookings.models import Booking
from bookings.requests import BookingChanges
from payments.errors import PaymentRefused
from payments.selectors import OrderMoney
from payments.services import aftercare, changing, collecting, confirming, reserving
from payments.services.collecting import NO_REQUEST, CardPaymentView, PaymentRequest

_UUID = {"uuid": "The booking's uuid."}
_NOTHING = BookingChanges()


class BookingViewBase(OctoView):
    """Find the partner's booking, show it, and do a write once per `Idempotency-Key`."""

    # What a reservation knows of its card payment, so that showing it need not ask again.
    # What the call that was made knows already, so that showing the booking need not ask again.
    card_payment: CardPaymentView | None = None
    money: OrderMoney | None = None

    @property
    def takes_cards(self) -> bool:
        """Say whether this request may see and send card payments."""
        return CARD_PAYMENTS in self.capabilities

    @property
    def sees_prices(self) -> bool:
        """Say whether this request may see prices and send the one it expects."""
        return PRICING in self.capabilities

    def booking(self, uuid: str) -> Booking:
        """Return the partner's booking of this mode, to be shown."""
        return selectors.booking_for_partner(partner=self.partner, is_live=bool(self.is_live), uuid=uuid)

    def booking_to_change(self, uuid: str) -> Booking:
        """Return the partner's booking of this mode, for a service that reads the rest under its lock."""
        return selectors.booking_to_change(partner=self.partner, is_live=bool(self.is_live), uuid=uuid)

    def payment_request(self, request: Request, fields: Fields) -> PaymentRequest | None:
        """Return what the request says of its card payment, None without octo/cardPayments."""
        if not self.takes_cards:
            return None
        channel = request.META.get("HTTP_ADYEN_CHANNEL")
        return read_payment(fields, channel_header=channel, locale=self.language)

    def show(self, request: Request, booking: Booking) -> Response:
        """Return one booking, with its card payment where the request can see it."""
        shown = booking_fields(booking, self.capabilities, now=self.now())
        if self.takes_cards:
            order = booking.order
            wish = self.payment_request(request, Fields({})) or NO_REQUEST
            view = self.card_payment or collecting.describe_payment(
                order=order, clock=self.now, payment_request=wish, money=self.money
            )
            shown["cardPayment"] = card_payment_fields(view, order_id=order.pk) if view is not None else None
            shown["returnUrl"] = order.return_url or None
        return Response(shown)

    def once(self, request: Request, act: Callable[[Fields], Booking]) -> Response:
        """Do a write and show the booking; under a known `Idempotency-Key` show it without doing it again."""
        key = request.META.get("HTTP_IDEMPOTENCY_KEY")
        if key is None:
            return self.show(request, act(Fields(request.data)))
        claim = claim_request(
            RequestIdentity(
                partner_id=self.partner.pk,
                is_live=bool(self.is_live),
                key=key,
                method=request.method or "",
                path=request.path.rstrip("/"),
                body=request.data,
            ),
            wait_seconds=settings.API["TWIN_WAIT_SECONDS"],
            clock=self.now,
        )
        if isinstance(claim, Finished):
            return self._again(request, claim)
        return self.show(request, self._act_under(claim, act, Fields(request.data)))

    def _act_under(self, claim: Claim, act: Callable[[Fields], Booking], fields: Fields) -> Booking:
        try:
            booking = act(fields)
        except PaymentRefused as refusal:
            # A refusal is how this charge ended: the same key must not charge the card a second time.
            finish_request(
                claim,
                status_code=400,
                subject=refusal.payment_reference or "",
                error_code=refusal.error_code.value,
                now=self.now(),
            )
            raise
        except BaseException:
            release_key(claim)
            raise
        finish_request(claim, status_code=200, subject=str(booking.uuid), now=self.now())
        return booking

    def _again(self, request: Request, finished: Finished) -> Response:
        self.headers_to_add["Idempotent-Replayed"] = "true"
        if finished.error_code:
            refusal = payment_refused(finished.error_code)
            refusal.details["cardPaymentId"] = finished.subject or None
            raise refusal
        return self.show(request, self.booking(finished.subject))


class BookingListView(BookingViewBase):
    """GET and POST /bookings."""

    @operation(
        "getBookings",
        "Find bookings",
        answer=list_of(shape("ListedBooking")),
        query={
            "resellerReference": "One of the primary filters.",
            "supplierReference": "One of the primary filters.",
            "localDate": "Day of the visit, in the product's time zone.",
            "localDateStart": "With localDateEnd.",
            "localDateEnd": "With localDateStart.",
            "utcCreatedAtStart": "With utcCreatedAtEnd.",
            "utcCreatedAtEnd": "With utcCreatedAtStart.",
            "utcUpdatedAtStart": "With utcUpdatedAtEnd.",
            "utcUpdatedAtEnd": "With utcUpdatedAtStart.",
            "availabilityId": "One of the primary filters.",
            "contactEmailAddress": "One of the primary filters.",
            "contactPhoneNumber": "One of the primary filters.",
            "contactLastName": "At least three characters.",
            "status": "Narrows further.",
            "statuses": "Comma list; narrows further.",
            "productId": "Narrows further.",
            "optionId": "Narrows further.",
            "page": "From 1; without it everything is listed.",
            "perPage": "At most 500, 100 when not sent.",
        },
    )
    def get(self, request: Request) -> Response:
        """List bookings, newest first, never with card payment or return URL."""
        asked = read_booking_list(request.query_params)
        found = selectors.bookings_for_partner(partner=self.partner, is_live=bool(self.is_live), filters=asked.filters)
        if asked.page is not None:
            self.headers_to_add["Octo-Total-Pages"] = str(ceil(found.count() / asked.per_page))
            found = found[(asked.page - 1) * asked.per_page : asked.page * asked.per_page]
        now = self.now()
        return Response([booking_fields(booking, self.capabilities, now=now) for booking in found])

    @operation(
        "reserveBooking",
        "Hold seats",
        body=shape("ReserveRequest"),
        answer=shape("Booking"),
        takes_payment=True,
    )
    def post(self, request: Request) -> Response:
        """Hold seats; the same uuid with the same content shows the same booking again."""

        def act(fields: Fields) -> Booking:
            reservation = reserving.reserve_booking(
                partner=self.partner,
                is_live=bool(self.is_live),
                request=read_reserve(fields, with_return_url=self.takes_cards, with_pricing=self.sees_prices),
                payment_request=self.payment_request(request, fields),
                clock=self.now,
            )
            self.card_payment = reservation.card_payment
            return reservation.booking

        return self.once(request, act)


class BookingView(BookingViewBase):
    """GET, PATCH and DELETE /bookings/{uuid}."""

    @operation("getBooking", "Show a booking", answer=shape("Booking"), path=_UUID, takes_payment=True)
    def get(self, request: Request, uuid: str) -> Response:
        """Show a booking; with octo/cardPayments always with something the guest can pay."""
        return self.show(request, self.booking(uuid))

    @operation(
        "updateBooking",
        "Change a booking",
        body=shape("ChangeRequest"),
        answer=shape("Booking"),
        path=_UUID,
        takes_payment=True,
    )
    def patch(self, request: Request, uuid: str) -> Response:
        """Change a booking; all of it or nothing."""
        booking = self.booking_to_change(uuid)

        def act(fields: Fields) -> Booking:
            return changing.update_booking(
                booking=booking,
                changes=read_changes(fields, with_return_url=self.takes_cards, with_pricing=self.sees_prices),
                payment_request=self.payment_request(request, fields),
                clock=self.now,
            )

        return self.once(request, act)

    @operation("deleteBooking", "Cancel a booking", body=shape("CancelRequest"), answer=shape("Booking"), path=_UUID)
    def delete(self, request: Request, uuid: str) -> Response:
        """Cancel a booking."""
        return cancel(self, request, uuid)


class ExtendView(BookingViewBase):
    """POST /bookings/{uuid}/extend."""

    @operation("extendBooking", "Hold longer", body=shape("ExtendRequest"), answer=shape("Booking"), path=_UUID)
    def post(self, request: Request, uuid: str) -> Response:
        """Let a hold run some minutes from now."""
        booking = self.booking_to_change(uuid)
        return self.once(
            request,
            lambda fields: services.extend_booking(booking=booking, minutes=read_extend(fields), now=self.now()),
        )


class ConfirmView(BookingViewBase):
    """POST /bookings/{uuid}/confirm."""

    @operation(
        "confirmBooking",
        "Confirm a booking",
        body=shape("ConfirmRequest"),
        answer=shape("Booking"),
        path=_UUID,
        takes_payment=True,
    )
    def post(self, request: Request, uuid: str) -> Response:
        """Confirm a booking once what a card must pay is paid; confirming again changes nothing."""
        booking = self.booking_to_change(uuid)

        def act(fields: Fields) -> Booking:
            changes = read_confirm(fields, with_return_url=self.takes_cards, with_pricing=self.sees_prices)
            confirmation = confirming.confirm_booking(
                booking=booking,
                changes=None if changes == _NOTHING else changes,
                request=self.payment_request(request, fields) or NO_REQUEST,
                clock=self.now,
            )
            self.money = confirmation.money
            return confirmation.booking or self.booking(uuid)

        return self.once(request, act)


class CancelView(BookingViewBase):
    """POST /bookings/{uuid}/cancel."""

    @operation("cancelBooking", "Cancel a booking", body=shape("CancelRequest"), answer=shape("Booking"), path=_UUID)
    def post(self, request: Request, uuid: str) -> Response:
        """Cancel a booking."""
        return cancel(self, request, uuid)


def cancel(view: BookingViewBase, request: Request, uuid: str) -> Response:
    """Cancel a booking; `force` is read and not obeyed, for only staff may cancel after the cutoff."""
    booking = view.booking_to_change(uuid)

    def act(fields: Fields) -> Booking:
        aftercare.cancel_booking(booking=booking, reason=read_cancel(fields), force=False, clock=view.now)
        return view.booking(uuid)

    return view.once(request, act)
