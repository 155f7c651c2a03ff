"""What opens doors or signs: made by the house, shown to a person once, and ended for good."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from bookings.admin.read_only import KeptAdmin


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOnce:
    """Say by which services one kind of secret is made and ended, and what people call that.

    `mint` takes the row that a form describes and returns the one it made, with its text. `end` raises `ended_before`
    where somebody was quicker.
    """

    name: str
    verb: str
    done: str
    mint: Callable[[Any, datetime], tuple[Any, str]]
    end: Callable[[Any, datetime], object]
    ended_before: type[Exception]
    minted_template: str
    end_template: str


class ShownOnceAdmin(KeptAdmin):
    """Make secrets, which are shown once, and end them; one that exists is only looked at."""

    shown_once: ClassVar[ShownOnce]
    shown_fields: ClassVar[list[str]]

    ordering = ["-created_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Freeze one that exists, for another right needs another one; ask for the facts of a new one."""
        return self.shown_fields if obj else []

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Mint a new one; one that exists is only looked at."""
        if change:
            return
        minted, text = self.shown_once.mint(obj, timezone.now())
        # The row the admin goes on with, and the text that lives as long as this answer does.
        obj.__dict__.update(minted.__dict__)
        request.minted_text = text  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Show the text in this answer and nowhere else: a redirect would have to carry it in a cookie or a session."""

        @never_cache
        def show(request: HttpRequest) -> HttpResponse:
            context = {
                **self.admin_site.each_context(request),
                "title": f"The new {self.shown_once.name}",
                "opts": self.opts,
                "minted": obj,
                "text": request.minted_text,  # type: ignore[attr-defined]
            }
            return TemplateResponse(request, self.shown_once.minted_template, context)

        return show(request)

    def end_chosen(self, request: HttpRequest, chosen: QuerySet[Any], action: str) -> HttpResponse | None:
        """End what was chosen in a list, after asking once more; `action` is the list's name for it."""
        kind = self.shown_once
        if "confirmed" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "title": f"{kind.verb} {kind.name}s",
                "opts": self.opts,
                "chosen": chosen,
                "action_name": action,
                "verb": kind.verb,
                "action_checkbox_name": ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, kind.end_template, context)
        ended = 0
        for each in chosen:
            try:
                kind.end(each, timezone.now())
            except kind.ended_before:
                self.message_user(request, f"{each} was {kind.done} before.", messages.WARNING)
                continue
            self.log_change(request, each, f"{kind.done.capitalize()}.")
            ended += 1
        self.message_user(request, f"{kind.name.capitalize()}s {kind.done}: {ended}.", messages.SUCCESS)
        return None
