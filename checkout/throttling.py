"""How often one link may be followed: counted in the cache for all web processes."""

import hashlib

import structlog
from django.core.cache import cache
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)
_WINDOW_SECONDS = 60


def is_one_too_many(what: str, token: str, *, per_minute: int) -> bool:
    """Count one use of a link, and say whether it is one too many; a cache that does not answer refuses nobody."""
    # The link itself is as good as a key: it must not lie about in the cache.
    key = f"checkout:{what}:{hashlib.sha256(token.encode()).hexdigest()}"
    try:
        if cache.add(key, 1, _WINDOW_SECONDS):
            return False
        return cache.incr(key) > per_minute
    except ValueError:
        return False  # it ran out between the two questions
    except (RedisError, OSError) as error:
        log.warning("checkout_throttle_failed", error=type(error).__name__)
        return False
