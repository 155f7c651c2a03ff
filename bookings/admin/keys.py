from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from bookings.admin.mode import mode
from bookings.admin.read_only import KeptAdmin
from bookings.errors import KeyAlreadyRevoked


class KeyAdmin(KeptAdmin):
    """Mint keys, which are shown once, and revoke them; a key that exists is only looked at."""

    minted_template: ClassVar[str]
    revoke_template: ClassVar[str]
    shown_fields: ClassVar[list[str]]

    ordering = ["-created_at"]
    actions = ["revoke_keys"]
    mode = staticmethod(mode)

    def mint(self, wished: Any, now: datetime) -> tuple[Any, str]:
        """Make the key that a form describes, and return it with its text."""
        raise NotImplementedError

    def revoke(self, key: Any, now: datetime) -> None:
        """Close the door that a key opened.

        :raises KeyAlreadyRevoked: it was closed before.
        """
        raise NotImplementedError

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Freeze a key that exists, for another right needs another key; ask for the facts of a new one."""
        return self.shown_fields if obj else []

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Mint a new key; one that exists is only looked at."""
        if change:
            return
        minted, key = self.mint(obj, timezone.now())
        # The row the admin goes on with, and the text that lives as long as this answer does.
        obj.__dict__.update(minted.__dict__)
        request.minted_key = key  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Show the key in this answer and nowhere else: a redirect would have to carry it in a cookie or a session."""

        @never_cache
        def show(request: HttpRequest) -> HttpResponse:
            context = {
                **self.admin_site.each_context(request),
                "title": "The new key",
                "opts": self.opts,
                "minted": obj,
                "key": request.minted_key,  # type: ignore[attr-defined]
            }
            return TemplateResponse(request, self.minted_template, context)

        return show(request)

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke_keys(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Revoke keys after asking once more."""
        if "confirmed" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "title": "Revoke keys",
                "opts": self.opts,
                "chosen": queryset,
                "action_name": "revoke_keys",
                "verb": "Revoke",
                "action_checkbox_name": ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, self.revoke_template, context)
        revoked = 0
        for key in queryset:
            try:
                self.revoke(key, timezone.now())
            except KeyAlreadyRevoked:
                self.message_user(request, f"{key} was revoked before.", messages.WARNING)
                continue
            self.log_change(request, key, "Revoked.")
            revoked += 1
        self.message_user(request, f"Keys revoked: {revoked}.", messages.SUCCESS)
        return None
