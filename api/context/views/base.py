"""What every view of the context payments shares: key, JSON, error shape, and whose payment it is."""

from collections.abc import Callable
from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import HeaderKeyAuthentication
from api.context.errors import SERVER_ERROR, answer_with_refusal, refusal_for
from api.context.models import PaymentContext
from api.context.presenters import Place, money_fields
from api.exact_json import ExactJsonRenderer
from api.json_body import StrictJsonParser
from api.negotiation import JsonAlways
from api.views import EdgeView
from bookings.models import BookingStatus, Customer, Dialect, Order
from bookings.numbered import booking_by_number, customer_by_number


class ApiKeyAuthentication(HeaderKeyAuthentication):
    """Accept the keys that may speak this API."""

    dialect = Dialect.CONTEXT
    header = "X-Api-Key"


class ContextView(EdgeView):
    """Be the base of all views of this API."""

    authentication_classes = [ApiKeyAuthentication]
    parser_classes = [StrictJsonParser]
    renderer_classes = [ExactJsonRenderer]
    content_negotiation_class = JsonAlways

    def handle_exception(self, exc: Exception) -> Response:
        """Answer an error; where something was to be written, with what became of the money."""
        response = super().handle_exception(exc)
        refusal = refusal_for(exc)
        told = self.money_after_refusal(
            is_undecided=refusal.is_undecided or (refusal.error_type == SERVER_ERROR and self.about is None),
            retry_after_seconds=refusal.retry_after,
        )
        if told is not None:
            response.data["money"] = money_fields(told)
        return response

    def get_exception_handler(self) -> Callable[..., Response]:
        """Answer every error in this API's shape."""
        return answer_with_refusal


class PlaceView(ContextView):
    """Be a view below a booking or a customer; after `initial` it knows which one, and the customer it belongs to.

    There is an `order` only below a booking.
    """

    place: Place
    order: Order | None = None
    # Of an order of several bookings one may be cancelled.
    is_cancelled: bool = False
    customer: Customer | None = None
    contexts: tuple[PaymentContext, ...] = (PaymentContext.BOOKINGS, PaymentContext.CUSTOMERS)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Find the booking or customer that the path names.

        :raises Http404: the path names neither.
        :raises BookingNotFound, CustomerNotFound: none of this partner's has the number.
        """
        super().initial(request, *args, **kwargs)
        word = kwargs["context"].lower()
        if word not in self.contexts:
            raise Http404
        if word == PaymentContext.CUSTOMERS:
            self.customer = customer_by_number(partner=self.partner, is_live=self.is_live, number=kwargs["context_id"])
            self.place = Place(context=PaymentContext.CUSTOMERS, number=self.customer.number)
            return
        booking = booking_by_number(partner=self.partner, is_live=self.is_live, number=kwargs["context_id"])
        self.place = Place(context=PaymentContext.BOOKINGS, number=booking.number)
        self.order, self.customer, self.about = booking.order, booking.order.customer, booking.order_id
        self.is_cancelled = booking.status == BookingStatus.CANCELLED
