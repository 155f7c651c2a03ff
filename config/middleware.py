"""What happens to every request before and after any app sees it."""

import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from card_numbers import mask_card_numbers

logger = structlog.get_logger(__name__)

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,64}")
# Dialects that refuse a large body themselves, unread and in their own words.
_LIMIT_THEMSELVES = (
    "/payments",
    "/refunds",
    "/bookings",
    "/customers",
    "/payment-invoices",
    "/payment/",
    "/api/payment",
    "/finance",
)
# What machines ask all day: no line in the log, no figure.
QUIET_PATHS = ("/health/", "/metrics", "/static/")


class RequestLogMiddleware:
    """Give each request an id, bind it to every log line it causes, and write one line when it ends.

    An id that a caller sends goes into logs and into the broker, so one that could be a card number is replaced.
    The line names the route, not the path: a path may carry a guest's token.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        is_usable = _SANE_REQUEST_ID.fullmatch(given) is not None and mask_card_numbers(given) == given
        request_id = given if is_usable else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.monotonic()
        response = self.get_response(request)
        response["X-Request-Id"] = request_id
        log = logger.debug if request.path.startswith(QUIET_PATHS) else logger.info
        log(
            "request_finished",
            method=request.method,
            route=request.resolver_match.route if request.resolver_match else None,
            status=response.status_code,
            duration_ms=round((time.monotonic() - started) * 1000, 1),
        )
        structlog.contextvars.clear_contextvars()
        return response


class BodyLimitMiddleware:
    """Refuse a large body before anything reads it: DRF's parsers read past Django's own limit.

    Multipart stays with Django, which limits its fields and streams its files; no partner API parses it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = 0
        is_elsewhere = (request.content_type or "").startswith("multipart/")
        if limit is None or length <= limit or is_elsewhere or request.path.lower().startswith(_LIMIT_THEMSELVES):
            return self.get_response(request)
        # OCTO knows 200 and 400 only.
        status = 400 if request.path.startswith("/octo/") else 413
        message = f"The body is larger than {limit // 1024} KiB."
        return JsonResponse({"error": "BAD_REQUEST", "errorMessage": message}, status=status)
