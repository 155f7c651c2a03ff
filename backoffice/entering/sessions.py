"""How long somebody stays in: so long without a click, and so long at all."""

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

_BEGAN, _SEEN = "began_at", "seen_at"
_SEEN_IS_KEPT_EVERY_SECONDS = 60


class StaffSessionMiddleware:
    """End a session of staff that was idle or open for too long."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # A request without a session's cookie has nobody in it: no query is made for a partner or a guest.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            self._look_at_the_clock(request)
        return self.get_response(request)

    def _look_at_the_clock(self, request: HttpRequest) -> None:
        now = timezone.now().timestamp()
        began = request.session.setdefault(_BEGAN, now)
        seen = request.session.get(_SEEN, now)
        idle, whole = (
            timedelta(minutes=settings.STAFF_SESSION_IDLE_MINUTES),
            timedelta(hours=settings.STAFF_SESSION_HOURS),
        )
        if now - seen > idle.total_seconds() or now - began > whole.total_seconds():
            logout(request)
            messages.info(request, "You were logged out, because nothing happened for a while or the day is over.")
        elif _SEEN not in request.session or now - seen >= _SEEN_IS_KEPT_EVERY_SECONDS:
            request.session[_SEEN] = now


def begin_session(request: HttpRequest) -> None:
    """Count from now: somebody has just logged in."""
    request.session[_BEGAN] = request.session[_SEEN] = timezone.now().timestamp()
