"""What the views of every dialect share; keys, media types, errors and shapes are each dialect's own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.idempotency import RequestIdentity
from api.json_body import refuse_large_body
from api.languages import LANGUAGES, choose_language
from api.money_told import MoneyTold, money_told
from api.throttling import PartnerKeyThrottle
from bookings.models import Partner, PartnerKey


class EdgeView(APIView):
    """Be the base of all views for partners: limited by key, small bodies only, and nothing for a cache to keep.

    After `initial` a view knows whose `key` calls, and by it the `partner` and the mode (`is_live`).
    """

    permission_classes: list[Any] = []
    throttle_classes: list[Any] = [PartnerKeyThrottle]
    metadata_class = None

    key: PartnerKey | None = None
    # Whose money a refusal tells of, as soon as it is known.
    about: UUID | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer, whatever the answer is, with the `headers_to_add`."""
        self.headers_to_add: dict[str, str] = {}
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Find out who calls.

        :raises ParseError: the body is too large.
        """
        super().initial(request, *args, **kwargs)
        if isinstance(request.auth, PartnerKey):
            self.meet(request.auth)
        refuse_large_body(request.META)

    def meet(self, key: PartnerKey) -> None:
        """Take in whose key calls."""
        self.key = key

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say how many requests are left, and what else was noted for the answer."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        for name, value in self.headers_to_add.items():
            response[name] = value
        return response

    @property
    def partner(self) -> Partner:
        """Return whose key calls."""
        assert self.key is not None
        return self.key.partner

    @property
    def is_live(self) -> bool:
        """Say whether the request acts on live bookings."""
        assert self.key is not None
        return self.key.is_live

    @property
    def is_write(self) -> bool:
        """Say whether something was to be written."""
        return self.request.method not in SAFE_METHODS

    @property
    def idempotency_key(self) -> str | None:
        """Return the `Idempotency-Key` that was sent."""
        key: str | None = self.request.META.get("HTTP_IDEMPOTENCY_KEY")
        return key

    def identity(self, key: str, body: object) -> RequestIdentity:
        """Return what makes a request under a key the same as another one."""
        return RequestIdentity(
            partner_id=self.partner.pk,
            is_live=self.is_live,
            key=key,
            method=self.request.method or "",
            path=self.request.path.rstrip("/"),
            body=body,
        )

    def note_replay(self) -> None:
        """Say with the answer that it is the one to an earlier request."""
        self.headers_to_add["Idempotent-Replayed"] = "true"

    def money_after_refusal(self, *, is_undecided: bool, retry_after_seconds: int | None) -> MoneyTold | None:
        """Return what became of the money; None where nothing was to be written, or nobody knows who called."""
        if self.key is None or not self.is_write:
            return None
        return money_told(
            order_id=self.about,
            is_undecided=is_undecided,
            retry_after_seconds=retry_after_seconds,
            partner=self.partner,
            is_live=self.is_live,
            key=self.idempotency_key,
            now=self.now(),
        )

    @staticmethod
    def now() -> datetime:
        """Return the time of this request; only edges read the clock."""
        return timezone.now()


class LocalizedView(EdgeView):
    """Be a view whose answer says in which language its sentences are."""

    language: str = LANGUAGES[0]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer in the language the client asked for."""
        self.language = self.language_for(request.META.get("HTTP_ACCEPT_LANGUAGE", ""))
        with translation.override(self.language):
            response = super().dispatch(request, *args, **kwargs)
            # Rendered here, so that a translated text cannot be put off to where the language is another one.
            if isinstance(response, Response):
                response.render()
            return response

    def language_for(self, header: str) -> str:
        """Return the language of ours for an `Accept-Language` header."""
        return choose_language(header)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say which language the answer is in."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Content-Language"] = self.language
        return response
