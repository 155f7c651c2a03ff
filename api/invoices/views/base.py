"""What the views of payment invoices share: key, media types, envelope, repeats. A view itself makes one call."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation
from rest_framework.exceptions import NotFound
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.auth import BasicKeyAuthentication
from api.exact_json import ExactJsonRenderer
from api.idempotency import Finished, RequestIdentity, do_once
from api.invoices.errors import PAYMENT_PENDING, answer_with_refusal
from api.invoices.media_types import JsonApiParser, JsonApiRenderer
from api.invoices.models import Invoice
from api.invoices.presenters import document_of, money_block
from api.invoices.standing import invoice_for_partner, invoice_of_order, standing_of
from api.json_body import StrictJsonParser, refuse_large_body
from api.languages import LANGUAGES, choose_language
from api.money_told import money_told
from api.throttling import PartnerKeyThrottle
from bookings.models import Dialect, Partner, PartnerKey


class InvoicesKeyAuthentication(BasicKeyAuthentication):
    """Accept the keys that may use payment invoices."""

    dialect = Dialect.INVOICES


class JsonApiView(APIView):
    """Be the base of all views of this API: its media types, its errors, its languages."""

    permission_classes: list[Any] = []
    throttle_classes: list[Any] = [PartnerKeyThrottle]
    parser_classes = [JsonApiParser, StrictJsonParser]
    renderer_classes = [JsonApiRenderer, ExactJsonRenderer]
    metadata_class = None
    # The challenge of a 401.
    authenticate_header_of_scheme = 'Basic realm="payment invoices", charset="UTF-8"'

    language: str = LANGUAGES[0]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer in the language the client asked for."""
        self.headers_to_add: dict[str, str] = {}
        self.language = choose_language(request.META.get("HTTP_ACCEPT_LANGUAGE", ""))
        with translation.override(self.language):
            response = super().dispatch(request, *args, **kwargs)
            # Rendered here, so that a translated text cannot be put off to where the language is another one.
            if isinstance(response, Response):
                response.render()
            return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Find out who calls.

        :raises ParseError: the body is too large.
        """
        super().initial(request, *args, **kwargs)
        refuse_large_body(request.META)

    def get_exception_handler(self) -> Callable[..., Response]:
        """Answer every error in JSON:API's envelope."""
        return answer_with_refusal

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say which language the answer is in."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Content-Language"] = self.language
        response["Cache-Control"] = "no-store"
        for name, value in self.headers_to_add.items():
            response[name] = value
        return response

    @staticmethod
    def now() -> datetime:
        """Return the time of this request; only edges read the clock."""
        return timezone.now()


class InvoicesView(JsonApiView):
    """Be a view for a partner's key. One for tests sees test invoices alone; a live one sees both."""

    authentication_classes = [InvoicesKeyAuthentication]

    partner: Partner
    key_is_live: bool = False
    # What is refused before may have no caller to tell of their money.
    knows_caller: bool = False
    # Whose money a refusal tells of, as soon as it is known.
    about: UUID | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Find out who calls."""
        super().initial(request, *args, **kwargs)
        key = request.auth
        assert isinstance(key, PartnerKey)
        self.partner, self.key_is_live, self.knows_caller = key.partner, key.is_live, True

    def handle_exception(self, exc: Exception) -> Response:
        """Answer an error; of a write with what became of the money."""
        response = super().handle_exception(exc)
        if self.request.method not in SAFE_METHODS and self.knows_caller:
            (error,) = response.data["errors"]
            retry_after = response.headers.get("Retry-After")
            told = money_told(
                order_id=self.about,
                is_undecided=error["code"] == PAYMENT_PENDING or response.status_code >= 500,
                retry_after_seconds=int(retry_after) if retry_after is not None else None,
                partner=self.partner,
                is_live=self.key_is_live,
                key=self.request.META.get("HTTP_IDEMPOTENCY_KEY"),
                now=self.now(),
            )
            response.data["meta"] = {"money": money_block(told)}
        return response

    def find(self, public_id: str) -> Invoice:
        """Return the partner's invoice of that id.

        :raises InvoiceNotFound: there is none that the key may see.
        """
        invoice = invoice_for_partner(partner=self.partner, sees_live=self.key_is_live, public_id=public_id)
        self.about = invoice.order_id
        return invoice

    def show(self, invoice: Invoice, *, status: int = 200) -> Response:
        """Return an invoice as things are now."""
        now = self.now()
        return Response(document_of(standing_of(invoice), now=now), status=status)

    def once(self, request: Request, act: Callable[[], Invoice], *, status: int) -> Response:
        """Do a write and show its invoice; under a known `Idempotency-Key` show it without doing it again."""
        key = request.META.get("HTTP_IDEMPOTENCY_KEY")
        if key is None:
            done = act()
        else:
            done = do_once(
                RequestIdentity(
                    partner_id=self.partner.pk,
                    is_live=self.key_is_live,
                    key=key,
                    method=request.method or "",
                    path=request.path.rstrip("/"),
                    body=request.data,
                ),
                act=lambda _claim: act(),
                again=self._again,
                name_of=lambda invoice: invoice.public_id,
                status_code=status,
                wait_seconds=settings.API["TWIN_WAIT_SECONDS"],
                clock=self.now,
            )
        return self.show(invoice_of_order(done.order_id), status=status)

    def _again(self, finished: Finished) -> Invoice:
        self.headers_to_add["Idempotent-Replayed"] = "true"
        return self.find(finished.subject)


class UnknownRouteView(JsonApiView):
    """Answer for every path below ours that we do not have."""

    authentication_classes: list[Any] = []
    throttle_classes: list[Any] = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse before anything else is looked at."""
        super().initial(request, *args, **kwargs)
        raise NotFound
