"""Count and time our calls to gateways; `config.metrics` shows the figures."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from django.conf import settings
from prometheus_client import Histogram

from gateways.errors import AnswerLost, GatewayError, NotSent, Rejected, Unsupported

# Up to the 20 s within which a call ends.
_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 20.0)
GATEWAY_CALL_SECONDS = Histogram(
    "gateway_call_seconds",
    "How long calls to gateways take, by what came of the talk; a decline is an answer.",
    ["gateway", "operation", "result"],
    buckets=_BUCKETS,
)
_RESULTS: tuple[tuple[type[GatewayError], str], ...] = (
    (NotSent, "not_sent"),
    (AnswerLost, "answer_lost"),
    (Rejected, "rejected"),
    (Unsupported, "unsupported"),
)


@cache
def _room() -> threading.BoundedSemaphore:
    """Return what keeps a gateway that hangs from taking all threads of a web process."""
    return threading.BoundedSemaphore(settings.PAYMENTS["GATEWAY_CALLS_AT_ONCE"])


@contextmanager
def gateway_call(*, gateway: str, operation: str) -> Iterator[None]:
    """Time one call; whatever it raises goes on.

    :raises NotSent: in a web process, when as many calls as it may have threads for are under way.
    """
    if settings.WEB_PROCESS and not _room().acquire(blocking=False):
        GATEWAY_CALL_SECONDS.labels(gateway, operation.lower(), "not_sent").observe(0)
        raise NotSent("too many calls to gateways are under way")
    started = time.perf_counter()
    result = "error"
    try:
        yield
        result = "answered"
    except GatewayError as error:
        result = next((name for kind, name in _RESULTS if isinstance(error, kind)), "error")
        raise
    finally:
        if settings.WEB_PROCESS:
            _room().release()
        GATEWAY_CALL_SECONDS.labels(gateway, operation.lower(), result).observe(time.perf_counter() - started)
