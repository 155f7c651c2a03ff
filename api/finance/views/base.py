"""What every view of finance's API shares: key, scope, formats, problems."""

from collections.abc import Callable
from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import BadKey, bearer_of
from api.finance.errors import Refusal, answer_with_refusal
from api.finance.keys import finance_key_for_secret
from api.finance.models import FinanceKey, FinanceScope
from api.json_body import StrictJsonParser
from api.negotiation import JsonAlways
from api.views import EdgeView


class FinanceKeyAuthentication(BaseAuthentication):
    """Find the FinanceKey of `Authorization: Bearer <key>`; it becomes `request.auth`."""

    def authenticate(self, request: Request) -> tuple[None, FinanceKey]:
        """Return the key of the caller.

        :raises NoKey: there is no bearer key in the request.
        :raises BadKey: there is one, and it opens nothing here.
        """
        key = finance_key_for_secret(bearer_of(request))
        if key is None:
            raise BadKey
        return None, key


class FinanceView(EdgeView):
    """Be the base of all views of finance's API."""

    authentication_classes = [FinanceKeyAuthentication]
    parser_classes = [StrictJsonParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = JsonAlways

    def get_exception_handler(self) -> Callable[..., Response]:
        """Answer every error as a problem."""
        return answer_with_refusal

    def key_with(self, scope: FinanceScope) -> FinanceKey:
        """Return the caller's key.

        :raises BadKey: it may not do this.
        """
        key = self.request.auth
        assert isinstance(key, FinanceKey)
        if scope not in key.scopes:
            raise BadKey
        return key


class UnknownRouteView(FinanceView):
    """Answer for every path below ours that we do not have."""

    authentication_classes: list[Any] = []
    throttle_classes: list[Any] = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse before anything else is looked at."""
        raise Refusal(404, "NOT_FOUND", "There is no such route.")
