"""What every view of the payments resource shares: key, formats, language, error object."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotAcceptable
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.auth import HeaderKeyAuthentication
from api.json_body import StrictJsonParser, refuse_large_body
from api.languages import DEFAULT_LANGUAGE
from api.money_told import money_told
from api.resource.errors import answer_with_refusal, refusal_for
from api.resource.negotiation import PreferredFormat, choose_language, refuse_other_charsets
from api.resource.presenters.money_told import money_fields
from api.resource.xml import XmlParser, XmlRenderer
from api.throttling import PartnerKeyThrottle
from bookings.models import Dialect, Partner, PartnerKey


class ApplicationKeyAuthentication(HeaderKeyAuthentication):
    """Accept the keys that may speak this API."""

    dialect = Dialect.RESOURCE
    header = "X-Application-Key"


class ResourceView(APIView):
    """Be the base of all views of the payments resource.

    After `initial` a view knows its `partner` and, by the key, whether it acts on live or test bookings (`is_live`).
    """

    authentication_classes = [ApplicationKeyAuthentication]
    permission_classes: list[Any] = []
    throttle_classes = [PartnerKeyThrottle]
    parser_classes = [StrictJsonParser, XmlParser]
    renderer_classes = [JSONRenderer, XmlRenderer]
    content_negotiation_class = PreferredFormat

    # What the answer, and a body, is called in XML, and what the items of its lists and its booleans are.
    root_name: ClassVar[str]
    item_names: ClassVar[Mapping[str, str]] = {
        "errors": "error",
        "methods": "method",
        "phone_numbers": "phone_number",
    }
    boolean_names: ClassVar[frozenset[str]] = frozenset()

    partner: Partner | None = None
    is_live: bool = False
    language: str | None = None
    # Whose money a refusal tells of, as soon as it is known.
    about: UUID | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer in the language the client asked for."""
        self.headers_to_add: dict[str, str] = {}
        self.language = choose_language(request.META.get("HTTP_ACCEPT_LANGUAGE", ""))
        with translation.override(self.language or DEFAULT_LANGUAGE):
            response = super().dispatch(request, *args, **kwargs)
            # Rendered here, so that a translated text cannot be put off to where the language is another one.
            if isinstance(response, Response):
                response.render()
            return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Find out who calls and in which mode, and what the client can read.

        :raises NotAcceptable: we do not have what it can read.
        """
        refuse_other_charsets(request.META.get("HTTP_ACCEPT_CHARSET", ""))
        if self.language is None:
            raise NotAcceptable(_("There is no such language."))
        super().initial(request, *args, **kwargs)
        key = request.auth
        assert isinstance(key, PartnerKey)
        self.partner, self.is_live = key.partner, key.is_live
        refuse_large_body(request.META)

    def handle_exception(self, exc: Exception) -> Response:
        """Answer an error; where something was to be written with what became of the money."""
        response = super().handle_exception(exc)
        request = self.request
        if self.partner is not None and request.method not in SAFE_METHODS:
            refusal = refusal_for(exc)
            told = money_told(
                order_id=self.about,
                is_undecided=refusal.is_undecided,
                retry_after_seconds=refusal.retry_after,
                partner=self.partner,
                is_live=self.is_live,
                key=request.META.get("HTTP_IDEMPOTENCY_KEY"),
                now=self.now(),
            )
            response.data["money"] = money_fields(told)
        return response

    def get_exception_handler(self) -> Callable[..., Response]:
        """Answer every error with the standard error object."""
        return answer_with_refusal

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say in which language the answer is, and how many requests are left."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Content-Language"] = self.language or DEFAULT_LANGUAGE
        response["Cache-Control"] = "no-store"
        for name, value in self.headers_to_add.items():
            response[name] = value
        return response

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Say what can be done here."""
        return Response({"methods": self.allowed_methods})

    @staticmethod
    def now() -> datetime:
        """Return the time of this request; only edges read the clock."""
        return timezone.now()

    @property
    def scope(self) -> dict[str, Any]:
        """Return whose things, in which mode, a read of ours may find."""
        assert self.partner is not None
        return {"partner": self.partner, "is_live": self.is_live}


class UnknownRouteView(ResourceView):
    """Answer for every path below ours that we do not have."""

    authentication_classes: list[Any] = []
    throttle_classes: list[Any] = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse before anything else is looked at."""
        raise Http404
