"""Claim -> render -> post -> record: how deliveries reach receivers, many at once and none waiting for another.

One process has many attempts under way, each in a thread that knows nothing but what to post where, so that ten
receivers that hang cost a healthy one nothing. The database is spoken to by the calling thread alone, and never while
it holds a lock or a transaction. A subscription is claimed for one attempt at a time; a claim whose process died is
taken over when its lease ends, and its delivery is sent again: receivers may see the same state twice, never an
older one after a newer one.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from api.callbacks.addresses import AddressRefused
from api.callbacks.events import Manner, manner_of
from api.callbacks.fan_out import fan_out
from api.callbacks.sending import Attempt, Message, post
from api.models import OPEN_CALLBACKS, CallbackStatus, Delivery, Subscription
from bookings.services import tell_gift_uses

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]
# How often new work is looked for while attempts are under way.
_LOOK_SECONDS = 0.25
# What an attempt may take beyond its deadline before it is given up: a resolver cannot be interrupted.
_GRACE_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """Be a delivery ready to be posted, and the version of the order it tells."""

    message: Message
    version: int


# Turns a claimed delivery into what is posted; a dialect brings it.
Render = Callable[[Delivery, datetime], Rendered]


@dataclass(frozen=True, slots=True, kw_only=True)
class _UnderWay:
    delivery: Delivery
    version: int
    was_failing: bool
    overdue_at: float


class _Room:
    """Hold the attempts of this process that are under way."""

    def __init__(self) -> None:
        self.attempts: dict[tuple[UUID, int], _UnderWay] = {}
        self._answers: queue.SimpleQueue[tuple[tuple[UUID, int], Attempt]] = queue.SimpleQueue()

    @property
    def is_full(self) -> bool:
        return len(self.attempts) >= settings.CALLBACKS["AT_ONCE"]

    @property
    def takes_failing(self) -> bool:
        """Say whether a receiver that failed last time may be tried: most of the room is kept for the others."""
        failing = sum(attempt.was_failing for attempt in self.attempts.values())
        return failing < settings.CALLBACKS["FAILING_AT_ONCE"]

    def start(self, delivery: Delivery, rendered: Rendered) -> None:
        """Post in a thread that does not outlive the process."""
        seconds = settings.CALLBACKS["ATTEMPT_SECONDS"]
        key = (delivery.subscription_id, delivery.subscription.claim_number)
        self.attempts[key] = _UnderWay(
            delivery=delivery,
            version=rendered.version,
            was_failing=delivery.subscription.failures > 0,
            overdue_at=time.monotonic() + seconds + _GRACE_SECONDS,
        )

        def run() -> None:
            self._answers.put((key, post(rendered.message, seconds=seconds)))

        threading.Thread(target=run, name="callback", daemon=True).start()

    def ended(self, *, seconds: float) -> Iterable[tuple[_UnderWay, Attempt]]:
        """Yield the attempts that have ended, waiting for the first so many seconds."""
        try:
            key, attempt = self._answers.get(timeout=seconds)
            while True:
                under_way = self.attempts.pop(key, None)
                if under_way is not None:
                    yield under_way, attempt
                key, attempt = self._answers.get_nowait()
        except queue.Empty:
            pass
        for key in [key for key, one in self.attempts.items() if time.monotonic() > one.overdue_at]:
            milliseconds = 1_000 * settings.CALLBACKS["ATTEMPT_SECONDS"]
            yield self.attempts.pop(key), Attempt(status_code=None, error="timeout", milliseconds=milliseconds)


def tell_partners(*, clock: Clock, render: Render) -> int:
    """Make deliveries of new changes and send what is due until nothing is, and return how many attempts were made.

    No attempt is begun after DRAIN_SECONDS; those under way are waited for.
    """
    room = _Room()
    made = 0
    until = time.monotonic() + settings.CALLBACKS["DRAIN_SECONDS"]
    tell_gift_uses(now=clock())
    while True:
        if time.monotonic() < until:
            while fan_out(now=clock()) and time.monotonic() < until:
                pass
            made += _fill(room, clock, render)
        if not room.attempts:
            return made
        for under_way, attempt in room.ended(seconds=_LOOK_SECONDS):
            record(under_way.delivery, attempt, version=under_way.version, now=clock())


def _fill(room: _Room, clock: Clock, render: Render) -> int:
    """Begin attempts while there is room and something is due."""
    begun = 0
    while not room.is_full:
        delivery = claim(now=clock(), takes_failing=room.takes_failing)
        if delivery is None:
            break
        begun += 1
        rendered = _rendered(delivery, render, clock)
        if rendered is not None:
            room.start(delivery, rendered)
    return begun


def _rendered(delivery: Delivery, render: Render, clock: Clock) -> Rendered | None:
    """Render a delivery; what cannot be rendered is a failed attempt, and never stops the others."""
    try:
        rendered = render(delivery, clock())
    except AddressRefused as refusal:
        error = refusal.code
    except Exception as fault:
        log.exception("callback_not_rendered", delivery=str(delivery.pk))
        error = f"not rendered ({type(fault).__name__})"
    else:
        # Before the wire, so that what comes after an answer that was lost is never older.
        Delivery.objects.filter(pk=delivery.pk, status=CallbackStatus.SENDING).update(version=rendered.version)
        return rendered
    attempt = Attempt(status_code=None, error=error, milliseconds=0)
    record(delivery, attempt, version=delivery.version, now=clock())
    return None


def claim(*, now: datetime, takes_failing: bool = True) -> Delivery | None:
    """Take the delivery that is due at a subscription nobody is sending to; None when there is none.

    Subscriptions whose last attempt worked come first, then the one that waited longest for its turn.
    """
    due = _due(now).filter(subscription=OuterRef("pk"))
    subscriptions = _free(now).filter(Exists(due), partner__is_active=True)
    if not takes_failing:
        subscriptions = subscriptions.filter(failures=0)
    candidates = subscriptions.order_by("failures", F("last_attempt_at").asc(nulls_first=True), "pk")
    for subscription_id in candidates.values_list("pk", flat=True)[: settings.CALLBACKS["AT_ONCE"]]:
        delivery = _claim(subscription_id, now)
        if delivery is not None:
            return delivery
    return None


@transaction.atomic
def _claim(subscription_id: UUID, now: datetime) -> Delivery | None:
    taken = (
        _free(now)
        .filter(pk=subscription_id)
        .update(
            claim_number=F("claim_number") + 1,
            claimed_until=now + timedelta(seconds=settings.CALLBACKS["CLAIM_LEASE_SECONDS"]),
            last_attempt_at=now,
        )
    )
    if not taken:
        return None
    # What a process that died was sending comes first: it is the oldest, and nothing else may be on its way.
    delivery = (
        _due(now)
        .filter(subscription=subscription_id)
        .select_related("subscription__partner")
        .order_by("status", "next_attempt_at", "created_at")
        .first()
    )
    if delivery is None:
        Subscription.objects.filter(pk=subscription_id).update(claimed_until=None)
        return None
    Delivery.objects.filter(pk=delivery.pk).update(
        status=CallbackStatus.SENDING, attempts=F("attempts") + 1, last_attempt_at=now
    )
    return delivery


def _free(now: datetime) -> QuerySet[Subscription]:
    """Return the subscriptions that nobody is sending to and that do not rest."""
    unclaimed = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
    rested = Q(rests_until__isnull=True) | Q(rests_until__lte=now)
    return Subscription.objects.filter(unclaimed & rested, ended_at__isnull=True)


def _due(now: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(status__in=OPEN_CALLBACKS, next_attempt_at__lte=now)


@transaction.atomic
def record(delivery: Delivery, attempt: Attempt, *, version: int, now: datetime) -> bool:
    """Write down what came of an attempt, and say whether it was ours to write: the claim may have been taken over."""
    subscription = delivery.subscription
    manner = manner_of(subscription)
    is_success = attempt.status_code is not None and manner.is_receipt(attempt.status_code)
    error = attempt.error or ("" if is_success else f"answered {attempt.status_code}")
    if is_success:
        health: dict[str, object] = {"failures": 0, "rests_until": None}
    else:
        health = {"failures": F("failures") + 1, "rests_until": now + _rest(subscription, manner)}
    is_ours = Subscription.objects.filter(pk=subscription.pk, claim_number=subscription.claim_number).update(
        claimed_until=None, **health
    )
    if not is_ours:
        return False
    mine = Delivery.objects.filter(pk=delivery.pk, status=CallbackStatus.SENDING)
    said: dict[str, object] = {
        "version": version,
        "last_status_code": attempt.status_code,
        "last_duration_ms": attempt.milliseconds,
        "last_error": error[:200],
    }
    log_line = {"delivery": str(delivery.pk), "subscription": str(subscription.pk), "host": subscription.url_host}
    if is_success:
        mine.update(
            **said, status=CallbackStatus.DELIVERED, succeeded_at=now, ended_at=now, next_attempt_at=None, failures=0
        )
        # It told the newest state, and so all that waited up to there.
        _waiting_for_same(delivery).filter(version__lte=version).update(**_dropped(now))
        log.info("callback_delivered", **log_line, milliseconds=attempt.milliseconds)
    else:
        _record_failure(delivery, manner, mine, said, now)
        log.info("callback_failed", **log_line, error=error[:200], milliseconds=attempt.milliseconds)
    return True


def _record_failure(
    delivery: Delivery, manner: Manner, mine: QuerySet[Delivery], said: dict[str, object], now: datetime
) -> None:
    """Try again later, leave the rest to a newer delivery of the same subject, or give up."""
    subscription = delivery.subscription
    waiting = _waiting_for_same(delivery)
    if waiting.exists():
        # The newer one begins its own retries, and its diff begins where this one's did.
        waiting.filter(after_version__gt=delivery.after_version).update(after_version=delivery.after_version)
        mine.update(**{**_dropped(now), **said})
        return
    schedule = manner.retry_seconds
    failures = delivery.failures + 1
    if not subscription.retries_on_error or failures > len(schedule):
        mine.update(**said, failures=failures, status=CallbackStatus.FAILED, ended_at=now, next_attempt_at=None)
        log.warning("callback_given_up", delivery=str(delivery.pk), subscription=str(subscription.pk))
    else:
        again_at = now + timedelta(seconds=schedule[failures - 1])
        mine.update(**said, failures=failures, status=CallbackStatus.WAITING, next_attempt_at=again_at)
    _give_up_what_waited_too_long(subscription, manner, now)


def _give_up_what_waited_too_long(subscription: Subscription, manner: Manner, now: datetime) -> None:
    """End deliveries that waited as long as all retries take, while the receiver rested between attempts at others."""
    seconds = sum(manner.retry_seconds) + settings.CALLBACKS["LONGEST_REST_SECONDS"]
    Delivery.objects.filter(
        subscription=subscription,
        status=CallbackStatus.WAITING,
        waiting_since_at__lt=now - timedelta(seconds=seconds),
    ).update(status=CallbackStatus.FAILED, ended_at=now, next_attempt_at=None, last_error="waited too long")


def _waiting_for_same(delivery: Delivery) -> QuerySet[Delivery]:
    return Delivery.objects.filter(
        subscription_id=delivery.subscription_id, subject_id=delivery.subject_id, status=CallbackStatus.WAITING
    )


def _dropped(now: datetime) -> dict[str, object]:
    return {
        "status": CallbackStatus.DROPPED,
        "ended_at": now,
        "next_attempt_at": None,
        "last_error": "told by another",
    }


def _rest(subscription: Subscription, manner: Manner) -> timedelta:
    """Return how long a receiver is left alone after one more failure: as its retries, but never for very long."""
    schedule = manner.retry_seconds
    seconds = schedule[min(subscription.failures, len(schedule) - 1)]
    return timedelta(seconds=min(seconds, settings.CALLBACKS["LONGEST_REST_SECONDS"]))
