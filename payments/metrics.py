"""Count and time our calls to gateways; `config.metrics` shows the figures."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def gateway_call(*, gateway: str, operation: str) -> Iterator[None]:
    """Time one call; whatever it raises goes on."""
    started = time.perf_counter()
    result = "error"
    try:
        yield
        result = "answered"
    except GatewayError as error:
        result = next((name for kind, name in _RESULTS if isinstance(error, kind)), "error")
        raise
    finally:
        GATEWAY_CALL_SECONDS.labels(gateway, operation.lower(), result).observe(time.perf_counter() - started)
