"""How fast one partner key may ask: counted in Redis for all web processes, and said in headers.

A broker that does not answer never refuses a partner: for a while each process then counts by itself.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Protocol, cast

import structlog
from django.conf import settings
from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis import ConnectionPool
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

log = structlog.get_logger(__name__)
WINDOW_SECONDS = 60
# A broker that hangs costs one request this long, and then none for the pause.
_LONGEST_WAIT_SECONDS = 0.1
_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Say how a key stands: how many requests a minute it has, how many are left now, and when there are more."""

    is_allowed: bool
    limit: int
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        """Return the headers of draft-ietf-httpapi-ratelimit-headers (fields of its earlier drafts, which are in
        use).
        """
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
            "RateLimit-Policy": f"{self.limit};w={WINDOW_SECONDS}",
        }


class Counters:
    """Count requests per caller in a sliding minute."""

    def __init__(self, redis_url: str) -> None:
        pool = ConnectionPool.from_url(
            redis_url, socket_timeout=_LONGEST_WAIT_SECONDS, socket_connect_timeout=_LONGEST_WAIT_SECONDS
        )
        shared = RedisStorage("redis://", connection_pool=pool, wrap_exceptions=True, key_prefix="throttle")
        self._shared = SlidingWindowCounterRateLimiter(shared)
        self._alone = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._alone_until = 0.0

    def take(self, caller: str, *, per_minute: int) -> Allowance:
        """Count one request of a caller, unless it is one too many."""
        return self._ask(_take, caller, per_minute)

    def look(self, caller: str, *, per_minute: int) -> Allowance:
        """Say how a caller stands, counting nothing."""
        return self._ask(_look, caller, per_minute)

    def _ask(self, how: "_Question", caller: str, per_minute: int) -> Allowance:
        if time.monotonic() >= self._alone_until:
            try:
                return how(self._shared, caller, per_minute)
            except StorageError as error:
                log.warning("throttle_counts_alone", error=type(error.__cause__ or error).__name__)
                self._alone_until = time.monotonic() + _PAUSE_SECONDS
        return how(self._alone, caller, per_minute)


_Question = Callable[[SlidingWindowCounterRateLimiter, str, int], Allowance]


def _take(limiter: SlidingWindowCounterRateLimiter, caller: str, per_minute: int) -> Allowance:
    rate = RateLimitItemPerMinute(per_minute)
    return _standing(limiter, rate, caller, is_allowed=limiter.hit(rate, caller))


def _look(limiter: SlidingWindowCounterRateLimiter, caller: str, per_minute: int) -> Allowance:
    rate = RateLimitItemPerMinute(per_minute)
    return _standing(limiter, rate, caller, is_allowed=limiter.test(rate, caller))


def _standing(
    limiter: SlidingWindowCounterRateLimiter, rate: RateLimitItemPerMinute, caller: str, *, is_allowed: bool
) -> Allowance:
    per_minute = rate.amount
    stats = limiter.get_window_stats(rate, caller)
    # A minute that was used up weighs on the next one: it takes the share of one request more until there is room.
    until_room = 0 if is_allowed else WINDOW_SECONDS / per_minute
    return Allowance(
        is_allowed=is_allowed,
        limit=per_minute,
        remaining=stats.remaining if is_allowed else 0,
        reset_seconds=max(1, ceil(stats.reset_time - time.time() + until_room)),
    )


class _Answering(Protocol):
    """Be a view that lets others add headers to its answer."""

    headers_to_add: dict[str, str]


@lru_cache(maxsize=1)
def counters() -> Counters:
    """Return the counters of this process."""
    return Counters(settings.REDIS_URL)


class PartnerKeyThrottle(BaseThrottle):
    """Refuse a key that asks more often than `API["REQUESTS_PER_MINUTE"]`; 0 means no limit."""

    allowance: Allowance | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Say whether this request may go on; the view's answer says what is left."""
        per_minute = settings.API["REQUESTS_PER_MINUTE"]
        if not per_minute or request.auth is None:
            return True
        self.allowance = counters().take(str(request.auth.pk), per_minute=per_minute)
        cast(_Answering, view).headers_to_add.update(self.allowance.headers())
        return self.allowance.is_allowed

    def wait(self) -> float | None:
        """Return the seconds after which the same request would be allowed."""
        return self.allowance.reset_seconds if self.allowance is not None else None
