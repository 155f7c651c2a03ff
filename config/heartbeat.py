"""How the web tier knows that a worker is alive: each worker writes the time beside its name, every two seconds."""

from functools import lru_cache

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

_KEY = "worker-heartbeats"
FRESH_SECONDS = 15


@lru_cache(maxsize=4)
def impatient_redis(url: str) -> redis.Redis:
    """Return a client that gives up after one try of 0.2 s, so that a hung broker cannot slow a probe."""
    return redis.Redis.from_url(
        url,
        socket_timeout=0.2,
        socket_connect_timeout=0.2,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


def beat_heart(url: str, *, worker: str, now: float) -> None:
    """Write that a worker is alive."""
    pipe = impatient_redis(url).pipeline(transaction=False)
    pipe.hset(_KEY, worker, str(now))
    pipe.expire(_KEY, 3600)
    pipe.execute()


def stop_heart(url: str, *, worker: str) -> None:
    """Forget a worker that ended in order."""
    impatient_redis(url).hdel(_KEY, worker)


def last_heartbeats(url: str) -> dict[str, float]:
    """Return when each worker that did not end in order was last heard of, as seconds since 1970.

    :raises redis.RedisError: the broker is away.
    """
    beats: dict[str, str] = impatient_redis(url).hgetall(_KEY)  # type: ignore[assignment]
    return {worker: float(written_at) for worker, written_at in beats.items()}


def fresh_workers(url: str, *, now: float) -> list[str]:
    """Return the names of the workers heard of in the last 15 seconds.

    :raises redis.RedisError: the broker is away.
    """
    beats = last_heartbeats(url)
    return sorted(worker for worker, written_at in beats.items() if now - written_at <= FRESH_SECONDS)
