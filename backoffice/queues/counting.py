"""How much waits in each queue, for the home page: never more than a few hundred rows are counted."""

from dataclasses import dataclass
from datetime import datetime

import redis
import structlog
from django.contrib.auth.models import AnonymousUser, User
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from backoffice.queues.queue import Queue
from backoffice.queues.registry import QUEUES

log = structlog.get_logger(__name__)
MOST_COUNTED = 500
_KEPT_SECONDS = 30
_CACHE_KEY = "backoffice:queue-counts"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCount:
    """Be a queue with how many rows wait in it; `is_capped` says that there are more than were counted."""

    slug: str
    name: str
    sentence: str
    count: int
    is_capped: bool
    is_urgent: bool

    @property
    def text(self) -> str:
        """Return the count for people."""
        return f"{self.count}+" if self.is_capped else str(self.count)

    @property
    def url(self) -> str:
        """Return the address of the queue's page."""
        return reverse("admin:backoffice_queue", args=[self.slug])


def queue_counts(user: User | AnonymousUser) -> list[QueueCount]:
    """Return the queues that a person may see, each with what waits in it up to half a minute ago, the most urgent
    first.
    """
    counts = _counts()
    return [_count_of(queue, counts) for queue in QUEUES if user.has_perm(queue.permission)]


def _count_of(queue: Queue, counts: dict[str, int]) -> QueueCount:
    counted = counts.get(queue.slug, 0)
    return QueueCount(
        slug=queue.slug,
        name=queue.name,
        sentence=queue.sentence,
        count=min(counted, MOST_COUNTED),
        is_capped=counted > MOST_COUNTED,
        is_urgent=queue.is_urgent,
    )


def _counts() -> dict[str, int]:
    """Return how much waits in every queue: the same for everybody, and counted anew where Redis is away."""
    try:
        kept: dict[str, int] | None = cache.get(_CACHE_KEY)
    except redis.RedisError as error:
        log.warning("queue_counts_not_kept", error=type(error).__name__)
        return _count_all(timezone.now())
    if kept is None:
        kept = _count_all(timezone.now())
        try:
            cache.set(_CACHE_KEY, kept, _KEPT_SECONDS)
        except redis.RedisError as error:
            log.warning("queue_counts_not_kept", error=type(error).__name__)
    return kept


def _count_all(now: datetime) -> dict[str, int]:
    return {queue.slug: count_rows(queue, now) for queue in QUEUES}


def count_rows(queue: Queue, now: datetime) -> int:
    """Return how many rows wait in a queue, one more than are counted at most from each of its sources."""
    return sum(source.rows(now).order_by()[: MOST_COUNTED + 1].count() for source in queue.sources)
