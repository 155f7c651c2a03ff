"""Make and show payments, and show refunds."""

from collections.abc import Mapping

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import FieldRefused
from api.idempotency import Claim, Finished, do_once, note_subject
from api.resource.errors import DataRefused, Problem
from api.resource.payment_requests import PaymentWish, money_of, read_payment
from api.resource.presenters.payments import payment_fields, refund_fields
from api.resource.schema import operation
from api.resource.views.base import ResourceView
from bookings.errors import BookingNotFound
from bookings.models import Booking
from bookings.numbered import booking_by_number, number_from_text
from bookings.rules import LIVE_STATUSES
from payments.attempts import charges_of_bookings, refunds_of_bookings
from payments.errors import AlreadyPaid, AmountMismatch, NotPayable
from payments.models import Transaction
from payments.services.card_charges import CardCharge, charge_card

_ID = {"payment_id": "The payment's id."}


class PaymentListView(ResourceView):
    """POST /payments/."""

    root_name = "payment"
    boolean_names = frozenset({"capture"})

    @operation("createPayment", "Charge a card for a booking", body="PaymentRequest", answer="Payment", status=201)
    def post(self, request: Request) -> Response:
        """Charge a card; a payment that failed was made, too. The same `Idempotency-Key` charges once."""
        body: Mapping[str, object] = request.data
        number = self._once(body)
        shown = payment_fields(_only(charges_of_bookings(**self.scope), number))
        return Response(shown, status=status.HTTP_201_CREATED)

    def _once(self, body: Mapping[str, object]) -> str:
        """Charge, or find out what the same request came to before; return the payment's id."""
        key = self.idempotency_key
        if key is None:
            return self._charge(body, None)
        return do_once(
            self.identity(key, body),
            act=lambda claim: self._charge(body, claim),
            again=self._again,
            name_of=lambda number: number,
            status_code=status.HTTP_201_CREATED,
            wait_seconds=0,
            clock=self.now,
        )

    def _again(self, finished: Finished) -> str:
        self.note_replay()
        return finished.subject

    def _charge(self, body: Mapping[str, object], claim: Claim | None) -> str:
        """Charge, and keep under the key that is claimed which payment it makes."""

        def note(charge: Transaction) -> None:
            if claim is not None:
                note_subject(claim, str(charge.number))

        wish = read_payment(body)
        booking = self._booking_of(wish)
        self.about = booking.order_id
        try:
            money = money_of(wish, booking.currency)
            charged = charge_card(
                order_id=booking.order_id,
                request=CardCharge(
                    amount_minor=money.minor,
                    currency=money.currency,
                    card=wish.card,
                    captures=wish.captures,
                    note=wish.note,
                ),
                clock=self.now,
                also=note,
            )
        except FieldRefused as refused:
            raise _amount_refused(wish, refused.reason) from None
        except AmountMismatch as refused:
            reason = _("at most %(amount)s can be paid now") % {"amount": refused.due}
            raise _amount_refused(wish, reason) from None
        except AlreadyPaid:
            raise _amount_refused(wish, _("nothing is left to pay of the booking")) from None
        except NotPayable:
            raise _not_payable(wish) from None
        return str(charged.transaction.number)

    def _booking_of(self, wish: PaymentWish) -> Booking:
        """Return the booking that is to be paid, if the customer that is named is whose it is."""
        try:
            booking = booking_by_number(**self.scope, number=wish.booking_number)
        except BookingNotFound:
            detail = _("there is no such booking")
            raise DataRefused(Problem(field="booking", detail=detail, value=wish.booking_number)) from None
        customer = booking.order.customer
        if customer is None or str(customer.number) != wish.customer_number:
            detail = _("is not the customer of the booking")
            raise DataRefused(Problem(field="customer", detail=detail, value=wish.customer_number))
        if booking.status not in LIVE_STATUSES:
            # Its order may still hold others, which nobody named.
            raise _not_payable(wish)
        return booking


class PaymentView(ResourceView):
    """GET /payments/{id}/."""

    root_name = "payment"

    @operation("showPayment", "Show a payment", answer="Payment", path=_ID)
    def get(self, request: Request, payment_id: str) -> Response:
        """Show a payment."""
        return Response(payment_fields(_only(charges_of_bookings(**self.scope), payment_id)))


class RefundView(ResourceView):
    """GET /refunds/{id}/."""

    root_name = "refund"

    @operation("showRefund", "Show a refund", answer="Refund", path={"refund_id": "The refund's id."})
    def get(self, request: Request, refund_id: str) -> Response:
        """Show a refund."""
        return Response(refund_fields(_only(refunds_of_bookings(**self.scope), refund_id)))


def _only(found: QuerySet[Transaction], number: str) -> Transaction:
    """Return the one of that number.

    :raises Http404: there is none.
    """
    operation = found.filter(number=number_from_text(number)).first()
    if operation is None:
        raise Http404
    return operation


def _not_payable(wish: PaymentWish) -> DataRefused:
    detail = _("was cancelled, or its hold is over")
    return DataRefused(Problem(field="booking", detail=detail, value=wish.booking_number))


def _amount_refused(wish: PaymentWish, reason: str) -> DataRefused:
    return DataRefused(Problem(field="amount", detail=reason, value=wish.amount))
