"""What every OCTO view shares: key, headers, language, envelope. A view itself makes one domain call."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.auth import BearerKeyAuthentication
from api.gift_guesses import note_wrong_code
from api.json_body import StrictJsonParser, refuse_large_body
from api.languages import LANGUAGES, choose_language
from api.octo.capabilities import Applied, Capability, apply_capabilities
from api.octo.errors import BAD_REQUEST, Refusal, answer_with_refusal
from api.throttling import PartnerKeyThrottle
from bookings.models import Dialect, Partner, PartnerKey
from payments.errors import GiftUnknown


class OctoKeyAuthentication(BearerKeyAuthentication):
    """Accept the keys that may speak OCTO."""

    dialect = Dialect.OCTO


class JsonAlways(DefaultContentNegotiation):
    """Answer in JSON whatever a client accepts: OCTO has no 406."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the only renderer."""
        return renderers[0], renderers[0].media_type


class OctoView(APIView):
    """Be the base of all OCTO views.

    After `initial` a view knows its `partner`, whether it acts on live or test bookings (`is_live`), and the
    `capabilities` of the request. A live key may ask for test mode; a test key never gets out of it.
    """

    authentication_classes = [OctoKeyAuthentication]
    permission_classes: list[Any] = []
    throttle_classes = [PartnerKeyThrottle]
    parser_classes = [StrictJsonParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = JsonAlways
    metadata_class = None

    needs: ClassVar[Capability | None] = None

    partner: Partner
    is_live: bool | None = None
    capabilities: Applied = Applied()
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
        """Find out who calls, in which mode, and with which capabilities.

        :raises Refusal: a header is missing or wrong.
        """
        super().initial(request, *args, **kwargs)
        key = request.auth
        assert isinstance(key, PartnerKey)
        self.partner = key.partner
        self.is_live = key.is_live and self._asked_env(request) != "test"
        self.capabilities = self._asked_capabilities(request)
        if self.needs is not None and self.needs not in self.capabilities:
            action = f"{request.method} {request.path}"
            raise Refusal(
                BAD_REQUEST,
                _("Action '%(action)s' not supported. Maybe you're missing a capability? It needs %(capability)s.")
                % {"action": action[:120], "capability": self.needs.id},
            )
        refuse_large_body(request.META)

    def handle_exception(self, exc: Exception) -> Response:
        """Count a gift code that opened nothing against the key that sent it."""
        if isinstance(exc, GiftUnknown):
            note_wrong_code(self.request.auth)
        return super().handle_exception(exc)

    def get_exception_handler(self) -> Callable[..., Response]:
        """Answer every error in OCTO's envelope."""
        return answer_with_refusal

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say which mode, capabilities and language the answer is in."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Octo-Capabilities"] = str(self.capabilities)
        if self.is_live is not None:
            response["Octo-Env"] = "live" if self.is_live else "test"
        response["Content-Language"] = self.language
        response["Octo-Available-Languages"] = ", ".join(LANGUAGES)
        response["Cache-Control"] = "no-store"
        for name, value in self.headers_to_add.items():
            response[name] = value
        return response

    @staticmethod
    def now() -> datetime:
        """Return the time of this request; only edges read the clock."""
        return timezone.now()

    @staticmethod
    def _asked_env(request: Request) -> str:
        env = request.META.get("HTTP_OCTO_ENV", "").strip().lower()
        if env not in {"", "live", "test"}:
            raise Refusal(BAD_REQUEST, _("The Octo-Env header must be live or test."))
        return env

    @staticmethod
    def _asked_capabilities(request: Request) -> Applied:
        header = request.META.get("HTTP_OCTO_CAPABILITIES", request.META.get("HTTP_X_CAPABILITIES"))
        if header is None:
            raise Refusal(BAD_REQUEST, _("Send the Octo-Capabilities header; it may be empty."))
        return apply_capabilities(header)


class UnknownRouteView(OctoView):
    """Answer for every path we do not have: OCTO's clients read 404 as "this server has no such endpoint at all"."""

    authentication_classes: list[Any] = []
    throttle_classes: list[Any] = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse before anything else is looked at."""
        raise Refusal(BAD_REQUEST, _("There is no such route, or not with this method."))
