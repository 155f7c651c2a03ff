"""The id of the request under way, for answers that name it in their bodies, too."""

import structlog


def current_request_id() -> str:
    """Return what `X-Request-Id` of the answer will say; the middleware bound it to the log."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))
