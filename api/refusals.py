"""What the APIs share in saying no; the shape and the words are each one's own."""

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any, TypeVar

from rest_framework.exceptions import Throttled
from rest_framework.response import Response

# Seconds until it makes sense to ask again: a lost answer is settled by a webhook or the next look at the gateway.
UNKNOWN_RETRY_SECONDS = 10
UNAVAILABLE_RETRY_SECONDS = 5
# Whoever held the lock is done by then.
LOCK_RETRY_SECONDS = 1

_Refusal = TypeVar("_Refusal")
Translations = tuple[tuple[tuple[type[Exception], ...], Callable[[Any], _Refusal]], ...]


def translated(error: Exception, translations: Translations[_Refusal]) -> _Refusal | None:
    """Return what the first of the translations that is for this kind of error makes of it; None where none is."""
    for kinds, translate in translations:
        if isinstance(error, kinds):
            return translate(error)
    return None


def seconds_to_wait(error: Throttled) -> int:
    """Return after how many whole seconds a throttled request may be repeated."""
    return max(1, ceil(getattr(error, "wait", None) or 0))


def refused(
    body: Mapping[str, object], *, http_status: int, retry_after: int | None, challenge: str | None = None
) -> Response:
    """Return an answer that says no, with the `challenge` of a 401."""
    headers = {} if challenge is None else {"WWW-Authenticate": challenge}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    response = Response(body, status=http_status, headers=headers)
    response.exception = True
    return response
