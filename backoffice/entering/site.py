from collections.abc import Callable
from functools import partial, wraps
from typing import Any, cast

from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, path
from django.utils.decorators import method_decorator
from django.utils.functional import SimpleLazyObject
from django.views.decorators.cache import never_cache
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from backoffice.audit import record
from backoffice.entering import second_factor
from backoffice.entering.forms import LoginForm
from backoffice.entering.lockout import note_entry
from backoffice.entering.sessions import begin_session
from backoffice.entering.views import second_factor_url, second_factor_urls
from backoffice.guarded import guarded


class GuardedSite(UnfoldAdminSite):
    """Let in who gave all that is asked of them, and put the guard in front of every admin."""

    login_form = LoginForm

    def register(self, model_or_iterable: Any, admin_class: type[Any] | None = None, **options: Any) -> None:
        """Put the guard in front of every admin, whichever app it is from."""
        super().register(model_or_iterable, guarded(admin_class or ModelAdmin), **options)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Add the pages of the second factor, and let whoever still owes it log out."""
        return [
            *second_factor_urls(self),
            path("logout/", self.logout, name="logout"),
            *super().get_urls(),
        ]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the apps with their models, made once somebody looks at them.

        Every page is given them, and ours show a navigation of their own: making them took a sixth of a page's time.
        """
        made: Any = SimpleLazyObject(partial(super().get_app_list, request, app_label))
        return cast("list[Any]", made)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., HttpResponseBase]:
        """Let no page ask the database for a text with a NUL, which it refuses; what is searched is cleaned anyway.

        :raises BadRequest: an address holds one elsewhere.
        """
        shown = super().admin_view(view, cacheable)

        @wraps(shown)
        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if any("\x00" in text for name, texts in request.GET.lists() if name != SEARCH_VAR for text in texts):
                raise BadRequest("A text with a NUL names nothing.")
            return shown(request, *args, **kwargs)

        return page

    def has_permission(self, request: HttpRequest) -> bool:
        """Let staff in who gave what is asked of them."""
        return bool(super().has_permission(request)) and not second_factor.is_waited_for(request)

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Take the password, and go on to the second factor where one is due."""
        if request.method == "GET" and request.user.is_staff and second_factor.is_waited_for(request):
            return HttpResponseRedirect(second_factor_url(request))
        response: HttpResponse = super().login(request, extra_context)
        if request.method != "POST" or response.status_code != 302:
            return response
        begin_session(request)
        if second_factor.is_waited_for(request):
            return HttpResponseRedirect(second_factor_url(request))
        note_entry(request.user.get_username(), request)
        return response

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Change one's own password, which ends all other sessions of the same person."""
        response: HttpResponse = super().password_change(request, extra_context)
        if request.method == "POST" and response.status_code == 302:
            record(
                actor=request.user.get_username(),
                action="changed own password",
                subject=request.user,  # type: ignore[arg-type]
                request=request,
            )
        return response

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """End the session."""
        if request.method == "POST" and request.user.is_authenticated:
            record(actor=request.user.get_username(), action="logged out", subject=None, request=request)
        response: HttpResponse = super().logout(request, extra_context)
        return response
