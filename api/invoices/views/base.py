"""What the views of payment invoices share: key, media types, envelope, repeats. A view itself makes one call."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import BasicKeyAuthentication
from api.exact_json import ExactJsonRenderer
from api.idempotency import Finished, do_once
from api.invoices.errors import PAYMENT_PENDING, answer_with_refusal
from api.invoices.media_types import JsonApiParser, JsonApiRenderer
from api.invoices.models import Invoice
from api.invoices.presenters import document_of, money_block
from api.invoices.standing import invoice_for_partner, invoice_of_order, standing_of
from api.json_body import StrictJsonParser
from api.views import LocalizedView
from bookings.models import Dialect


class InvoicesKeyAuthentication(BasicKeyAuthentication):
    """Accept the keys that may use payment invoices."""

    dialect = Dialect.INVOICES


class JsonApiView(LocalizedView):
    """Be the base of all views of this API: its media types and its errors."""

    parser_classes = [JsonApiParser, StrictJsonParser]
    renderer_classes = [JsonApiRenderer, ExactJsonRenderer]
    # The challenge of a 401.
    authenticate_header_of_scheme = 'Basic realm="payment invoices", charset="UTF-8"'

    def get_exception_handler(self) -> Callable[..., Response]:
        """Answer every error in JSON:API's envelope."""
        return answer_with_refusal


class InvoicesView(JsonApiView):
    """Be a view for a partner's key. One for tests sees test invoices alone; a live one sees both."""

    authentication_classes = [InvoicesKeyAuthentication]

    def handle_exception(self, exc: Exception) -> Response:
        """Answer an error; of a write with what became of the money."""
        response = super().handle_exception(exc)
        (error,) = response.data["errors"]
        retry_after = response.headers.get("Retry-After")
        told = self.money_after_refusal(
            is_undecided=error["code"] == PAYMENT_PENDING or response.status_code >= 500,
            retry_after_seconds=int(retry_after) if retry_after is not None else None,
        )
        if told is not None:
            response.data["meta"] = {"money": money_block(told)}
        return response

    def find(self, public_id: str) -> Invoice:
        """Return the partner's invoice of that id.

        :raises InvoiceNotFound: there is none that the key may see.
        """
        invoice = invoice_for_partner(partner=self.partner, sees_live=self.is_live, public_id=public_id)
        self.about = invoice.order_id
        return invoice

    def show(self, invoice: Invoice, *, status: int = 200) -> Response:
        """Return an invoice as things are now."""
        now = self.now()
        return Response(document_of(standing_of(invoice), now=now), status=status)

    def once(self, request: Request, act: Callable[[], Invoice], *, status: int) -> Response:
        """Do a write and show its invoice; under a known `Idempotency-Key` show it without doing it again."""
        key = self.idempotency_key
        if key is None:
            done = act()
        else:
            done = do_once(
                self.identity(key, request.data),
                act=lambda _claim: act(),
                again=self._again,
                name_of=lambda invoice: invoice.public_id,
                status_code=status,
                wait_seconds=settings.API["TWIN_WAIT_SECONDS"],
                clock=self.now,
            )
        return self.show(invoice_of_order(done.order_id), status=status)

    def _again(self, finished: Finished) -> Invoice:
        self.note_replay()
        return self.find(finished.subject)


class UnknownRouteView(JsonApiView):
    """Answer for every path below ours that we do not have."""

    authentication_classes: list[Any] = []
    throttle_classes: list[Any] = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse before anything else is looked at."""
        super().initial(request, *args, **kwargs)
        raise NotFound
