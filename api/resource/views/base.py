"""What every view of the payments resource shares: key, formats, language, error object."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotAcceptable
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import HeaderKeyAuthentication
from api.json_body import StrictJsonParser
from api.languages import DEFAULT_LANGUAGE
from api.resource.errors import answer_with_refusal, refusal_for
from api.resource.negotiation import PreferredFormat, choose_language, refuse_other_charsets
from api.resource.presenters.money_told import money_fields
from api.resource.xml import XmlParser, XmlRenderer
from api.views import LocalizedView
from bookings.models import Dialect


class ApplicationKeyAuthentication(HeaderKeyAuthentication):
    """Accept the keys that may speak this API."""

    dialect = Dialect.RESOURCE
    header = "X-Application-Key"


class ResourceView(LocalizedView):
    """Be the base of all views of the payments resource."""

    authentication_classes = [ApplicationKeyAuthentication]
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

    def language_for(self, header: str) -> str:
        """Return the language of ours that is nearest to an `Accept-Language` header."""
        return choose_language(header) or DEFAULT_LANGUAGE

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Find out who calls and in which mode, and what the client can read.

        :raises NotAcceptable: we do not have what it can read.
        """
        refuse_other_charsets(request.META.get("HTTP_ACCEPT_CHARSET", ""))
        if choose_language(request.META.get("HTTP_ACCEPT_LANGUAGE", "")) is None:
            raise NotAcceptable(_("There is no such language."))
        super().initial(request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Response:
        """Answer an error; where something was to be written with what became of the money."""
        response = super().handle_exception(exc)
        refusal = refusal_for(exc)
        told = self.money_after_refusal(is_undecided=refusal.is_undecided, retry_after_seconds=refusal.retry_after)
        if told is not None:
            response.data["money"] = money_fields(told)
        return response

    def get_exception_handler(self) -> Callable[..., Response]:
        """Answer every error with the standard error object."""
        return answer_with_refusal

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Say what can be done here."""
        return Response({"methods": self.allowed_methods})

    @property
    def scope(self) -> dict[str, Any]:
        """Return whose things, in which mode, a read of ours may find."""
        return {"partner": self.partner, "is_live": self.is_live}


class UnknownRouteView(ResourceView):
    """Answer for every path below ours that we do not have."""

    authentication_classes: list[Any] = []
    throttle_classes: list[Any] = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse before anything else is looked at."""
        raise Http404
