"""How fast one partner key may ask: counted in each web process, with no database and no broker."""

import threading
import time
from collections import OrderedDict

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

# A bucket is 100 bytes or so; partners have a handful of keys each.
MOST_BUCKETS = 10_000


class TokenBuckets:
    """Hold one token bucket per caller; a full bucket is one minute's worth of requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, *, per_minute: int, clock: float) -> float:
        """Take one token and return 0, or return the seconds until there is one."""
        with self._lock:
            tokens, filled = self._buckets.pop(caller, (float(per_minute), clock))
            tokens = min(float(per_minute), tokens + max(clock - filled, 0) * per_minute / 60)
            is_allowed = tokens >= 1
            self._buckets[caller] = (tokens - 1 if is_allowed else tokens, clock)
            while len(self._buckets) > MOST_BUCKETS:
                self._buckets.popitem(last=False)
        return 0.0 if is_allowed else (1 - tokens) * 60 / per_minute

    def wait(self, caller: str, *, per_minute: int, clock: float) -> float:
        """Return the seconds until there is a token, 0 when there is one; none is taken."""
        with self._lock:
            tokens, filled = self._buckets.get(caller, (float(per_minute), clock))
        tokens = min(float(per_minute), tokens + max(clock - filled, 0) * per_minute / 60)
        return 0.0 if tokens >= 1 else (1 - tokens) * 60 / per_minute

    def clear(self) -> None:
        """Forget every caller."""
        with self._lock:
            self._buckets.clear()


buckets = TokenBuckets()


class PartnerKeyThrottle(BaseThrottle):
    """Refuse a key that asks more often than `API["REQUESTS_PER_MINUTE"]` in this process; 0 means no limit."""

    wait_seconds: float | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Say whether this request may go on."""
        per_minute = settings.API["REQUESTS_PER_MINUTE"]
        if not per_minute or request.auth is None:
            return True
        self.wait_seconds = buckets.take(str(request.auth.pk), per_minute=per_minute, clock=time.monotonic())
        return self.wait_seconds == 0

    def wait(self) -> float | None:
        """Return the seconds after which the same request would be allowed."""
        return self.wait_seconds
