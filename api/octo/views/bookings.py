"""Reserve, read, change, extend, confirm and cancel."""

from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import Fields
from api.octo.presenters.bookings import booking_fields
from api.octo.requests import read_booking_list, read_cancel, read_changes, read_confirm, read_extend, read_reserve
from api.octo.schema import operation
from api.octo.views.paying import PayingView, query_of_list
from api.openapi import list_of, shape
from bookings import selectors, services
from bookings.models import Booking, Order
from bookings.requests import BookingChanges
from payments.services import aftercare, changing, confirming, reserving
from payments.services.collecting import NO_REQUEST

_UUID = {"uuid": "The booking's uuid."}
_NOTHING = BookingChanges()


class BookingViewBase(PayingView[Booking]):
    """Find the partner's booking, and show it."""

    def fields_of(self, sold: Booking) -> dict[str, object]:
        """Return OCTO's Booking."""
        return booking_fields(sold, self.capabilities, now=self.now())

    def order_of(self, sold: Booking) -> Order:
        """Return the order it is part of."""
        return sold.order

    def find(self, name: str) -> Booking:
        """Return the partner's booking of this mode, to be shown."""
        return selectors.booking_for_partner(partner=self.partner, is_live=self.is_live, uuid=name)

    def name_of(self, sold: Booking) -> str:
        """Return its uuid."""
        return str(sold.uuid)

    def booking_to_change(self, uuid: str) -> Booking:
        """Return the partner's booking of this mode, for a service that reads the rest under its lock."""
        booking = selectors.booking_to_change(partner=self.partner, is_live=self.is_live, uuid=uuid)
        self.about = booking.order_id
        return booking


class BookingListView(BookingViewBase):
    """GET and POST /bookings."""

    @operation(
        "getBookings",
        "Find bookings",
        answer=list_of(shape("ListedBooking")),
        query=query_of_list(
            resellerReference="One of the primary filters.",
            supplierReference="One of the primary filters.",
            localDate="Day of the visit, in the product's time zone.",
            localDateStart="With localDateEnd.",
            localDateEnd="With localDateStart.",
            utcCreatedAtStart="With utcCreatedAtEnd.",
            utcCreatedAtEnd="With utcCreatedAtStart.",
            utcUpdatedAtStart="With utcUpdatedAtEnd.",
            utcUpdatedAtEnd="With utcUpdatedAtStart.",
            availabilityId="One of the primary filters.",
            contactEmailAddress="One of the primary filters.",
            contactPhoneNumber="One of the primary filters.",
            contactLastName="At least three characters.",
            status="Narrows further.",
            statuses="Comma list; narrows further.",
            productId="Narrows further.",
            optionId="Narrows further.",
        ),
    )
    def get(self, request: Request) -> Response:
        """List bookings, newest first, never with card payment or return URL."""
        asked = read_booking_list(request.query_params)
        found = selectors.bookings_for_partner(partner=self.partner, is_live=self.is_live, filters=asked.filters)
        return Response(self.listed(found, asked))

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
                is_live=self.is_live,
                request=read_reserve(
                    fields,
                    with_cards=self.takes_cards,
                    with_pricing=self.sees_prices,
                    with_order=self.knows_orders,
                ),
                payment_request=self.payment_request(request, fields),
                gift_code=self.gift_code(request, fields),
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
        return self.show(request, self.find(uuid))

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
                changes=read_changes(fields, with_cards=self.takes_cards, with_pricing=self.sees_prices),
                payment_request=self.payment_request(request, fields),
                gift_code=self.gift_code(request, fields),
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
            changes = read_confirm(fields, with_cards=self.takes_cards, with_pricing=self.sees_prices)
            confirmation = confirming.confirm_booking(
                booking=booking,
                changes=None if changes == _NOTHING else changes,
                request=self.payment_request(request, fields, may_bring_card=True) or NO_REQUEST,
                gift_code=self.gift_code(request, fields),
                clock=self.now,
            )
            self.money, self.current_payment = confirmation.money, confirmation.current
            return confirmation.booking or self.find(uuid)

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
        return view.find(uuid)

    return view.once(request, act)
