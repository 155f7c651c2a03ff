"""What every view of the context payments shares: key, JSON, error shape, and whose payment it is."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404
from django.utils import timezone
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.auth import HeaderKeyAuthentication
from api.context.errors import SERVER_ERROR, answer_with_refusal, refusal_for
from api.context.models import PaymentContext
from api.context.presenters import Place, money_fields
from api.exact_json import ExactJsonRenderer
from api.json_body import StrictJsonParser, refuse_large_body
from api.money_told import money_told
from api.throttling import PartnerKeyThrottle
from bookings.models import BookingStatus, Customer, Dialect, Order, Partner, PartnerKey
from bookings.numbered import booking_by_number, customer_by_number


class ApiKeyAuthentication(HeaderKeyAuthentication):
    """Accept the keys that may speak this API."""

    dialect = Dialect.CONTEXT
    header = "X-Api-Key"


class JsonAlways(DefaultContentNegotiation):
    """Answer in JSON whatever a client accepts: this API has no other format, and no 406."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the only renderer."""
        return renderers[0], renderers[0].media_type


class ContextView(APIView):
    """Be the base of all views; after `initial` a view knows whose `key` calls, and by it the mode (`is_live`)."""

    authentication_classes = [ApiKeyAuthentication]
    permission_classes: list[Any] = []
    throttle_classes = [PartnerKeyThrottle]
    parser_classes = [StrictJsonParser]
    renderer_classes = [ExactJsonRenderer]
    content_negotiation_class = JsonAlways
    metadata_class = None

    key: PartnerKey | None = None
    # Whose money a refusal tells of, as soon as it is known.
    about: UUID | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Find out who calls."""
        self.headers_to_add: dict[str, str] = {}
        super().initial(request, *args, **kwargs)
        assert isinstance(request.auth, PartnerKey)
        self.key = request.auth
        refuse_large_body(request.META)

    def handle_exception(self, exc: Exception) -> Response:
        """Answer an error; where something was to be written, with what became of the money."""
        response = super().handle_exception(exc)
        if self.key is not None and self.request.method not in SAFE_METHODS:
            refusal = refusal_for(exc)
            told = money_told(
                order_id=self.about,
                is_undecided=refusal.is_undecided or (refusal.error_type == SERVER_ERROR and self.about is None),
                retry_after_seconds=refusal.retry_after,
                partner=self.partner,
                is_live=self.is_live,
                key=self.request.META.get("HTTP_IDEMPOTENCY_KEY"),
                now=self.now(),
            )
            response.data["money"] = money_fields(told)
        return response

    def get_exception_handler(self) -> Callable[..., Response]:
        """Answer every error in this API's shape."""
        return answer_with_refusal

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say how many requests are left."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        for name, value in getattr(self, "headers_to_add", {}).items():
            response[name] = value
        return response

    @property
    def partner(self) -> Partner:
        """Return whose key calls."""
        assert self.key is not None
        return self.key.partner

    @property
    def is_live(self) -> bool:
        """Say whether the key acts on live bookings."""
        assert self.key is not None
        return self.key.is_live

    @staticmethod
    def now() -> datetime:
        """Return the time of this request; only edges read the clock."""
        return timezone.now()


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
