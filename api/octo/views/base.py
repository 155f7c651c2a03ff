"""What every OCTO view shares: key, headers, language, envelope. A view itself makes one domain call."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import BearerKeyAuthentication
from api.gift_guesses import note_wrong_code
from api.json_body import StrictJsonParser
from api.languages import LANGUAGES
from api.negotiation import JsonAlways
from api.octo.capabilities import Applied, Capability, apply_capabilities
from api.octo.errors import BAD_REQUEST, Refusal, answer_with_refusal
from api.views import LocalizedView
from bookings.models import Dialect, PartnerKey
from payments.errors import GiftUnknown


class OctoKeyAuthentication(BearerKeyAuthentication):
    """Accept the keys that may speak OCTO."""

    dialect = Dialect.OCTO


class OctoView(LocalizedView):
    """Be the base of all OCTO views.

    After `initial` a view knows the `capabilities` of the request, too. A live key may ask for test mode; a test key
    never gets out of it.
    """

    authentication_classes = [OctoKeyAuthentication]
    parser_classes = [StrictJsonParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = JsonAlways

    needs: ClassVar[Capability | None] = None

    asks_for_test: bool = False
    capabilities: Applied = Applied()

    def meet(self, key: PartnerKey) -> None:
        """Take in whose key calls, in which mode, and with which capabilities.

        :raises Refusal: a header is missing or wrong.
        """
        self.asks_for_test = self._asked_env(self.request) == "test"
        super().meet(key)
        self.capabilities = self._asked_capabilities(self.request)
        if self.needs is not None and self.needs not in self.capabilities:
            action = f"{self.request.method} {self.request.path}"
            raise Refusal(
                BAD_REQUEST,
                _("Action '%(action)s' not supported. Maybe you're missing a capability? It needs %(capability)s.")
                % {"action": action[:120], "capability": self.needs.id},
            )

    @property
    def is_live(self) -> bool:
        """Say whether the request acts on live bookings."""
        return super().is_live and not self.asks_for_test

    def handle_exception(self, exc: Exception) -> Response:
        """Count a gift code that opened nothing against the key that sent it."""
        if isinstance(exc, GiftUnknown):
            note_wrong_code(self.request.auth)
        return super().handle_exception(exc)

    def get_exception_handler(self) -> Callable[..., Response]:
        """Answer every error in OCTO's envelope."""
        return answer_with_refusal

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say which mode and capabilities the answer is in."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Octo-Capabilities"] = str(self.capabilities)
        if self.key is not None:
            response["Octo-Env"] = "live" if self.is_live else "test"
        response["Octo-Available-Languages"] = ", ".join(LANGUAGES)
        return response

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
