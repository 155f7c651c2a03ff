"""Turn what partners must be told into deliveries: once per change and subscription, one per subject however many."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from api.models import CallbackEvent, CallbackStatus, Delivery, Subscription
from bookings.models import Change, ChangeTopic
from bookings.rules import is_asked

# What other topics there are, nobody can subscribe to; their changes are told by being passed over.
EVENT_OF_TOPIC = {ChangeTopic.BOOKING: CallbackEvent.BOOKING_UPDATE, ChangeTopic.ORDER: CallbackEvent.ORDER_UPDATE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Be what a delivery is about: a booking of an order, or the order."""

    order_id: UUID
    booking_id: UUID | None

    @property
    def id(self) -> UUID:
        """Return the id of the booking or order."""
        return self.booking_id or self.order_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Be one subject that a subscription is to be told of: what changed after one version, up to another."""

    subscription_id: UUID
    subject: Subject
    after_version: int
    version: int


@transaction.atomic
def fan_out(*, now: datetime) -> int:
    """Make deliveries of the oldest changes that nobody was told of, and return how many changes were taken.

    All of it is one transaction: killed anywhere it has done nothing. One process does it at a time, so that changes
    of one subject are taken in their order; whoever comes second has nothing to do.
    """
    if not _is_alone():
        return 0
    changes = list(
        Change.objects.filter(told_at__isnull=True)
        .select_related("order")
        .order_by("created_at", "pk")[: settings.CALLBACKS["CHANGES_AT_ONCE"]]
    )
    if changes:
        tell(_wanted(changes), now=now)
        Change.objects.filter(pk__in=[change.pk for change in changes]).update(told_at=now)
    return len(changes)


def tell(tellings: Iterable[Telling], *, now: datetime) -> None:
    """Have subjects told at the next opportunity; what waits already tells this, too, with its retries begun anew."""
    rows = [
        [
            uuid4(),
            telling.subscription_id,
            telling.subject.order_id,
            telling.subject.booking_id,
            telling.subject.id,
            telling.after_version,
            telling.version,
            now,
            now,
            now,
        ]
        for telling in tellings
    ]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.executemany(_TELL, rows)


# A delivery that failed before begins to wait anew: when to give up is counted from the newest change.
_TELL = """
    INSERT INTO api_delivery AS waiting
        (id, subscription_id, order_id, booking_id, subject_id, after_version, version,
         status, attempts, failures, waiting_since_at, next_attempt_at, last_error, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, 'WAITING', 0, 0, %s, %s, '', %s)
    ON CONFLICT (subscription_id, subject_id) WHERE status = 'WAITING' DO UPDATE SET
        after_version = LEAST(waiting.after_version, EXCLUDED.after_version),
        version = GREATEST(waiting.version, EXCLUDED.version),
        waiting_since_at = CASE WHEN waiting.failures > 0 THEN EXCLUDED.waiting_since_at
                                ELSE waiting.waiting_since_at END,
        failures = 0,
        next_attempt_at = LEAST(waiting.next_attempt_at, EXCLUDED.next_attempt_at)
"""
_ADVISORY_LOCK = 7_341_002


def _is_alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_ADVISORY_LOCK])
        return bool(cursor.fetchone()[0])


def _wanted(changes: Iterable[Change]) -> Iterable[Telling]:
    """Yield what subscriptions were not told yet; their rows stay locked, so that none ends in between."""
    of_subject: dict[tuple[CallbackEvent, UUID], list[Change]] = {}
    for change in changes:
        event = EVENT_OF_TOPIC.get(ChangeTopic(change.topic))
        if event is not None and not is_asked(change.order):
            of_subject.setdefault((event, change.subject_id), []).append(change)
    subscribers: dict[tuple[UUID, bool, str], list[Subscription]] = {}
    partners = {change.partner_id for change in changes}
    for subscription in (
        Subscription.objects.select_for_update(no_key=True, of=("self",))
        .filter(partner__in=partners, partner__is_active=True, ended_at__isnull=True)
        .order_by("pk")
    ):
        key = (subscription.partner_id, subscription.is_live, subscription.event)
        subscribers.setdefault(key, []).append(subscription)
    if not subscribers:
        return
    told = _told_versions(subscribers, [subject for _, subject in of_subject])
    for (event, subject_id), found in of_subject.items():
        found.sort(key=lambda change: change.version)
        for subscription in subscribers.get((found[0].partner_id, found[0].order.is_live, event), ()):
            version = told.get((subscription.pk, subject_id), 0)
            news = [
                change for change in found if change.version > version and change.created_at >= subscription.created_at
            ]
            if news:
                last = news[-1]
                booking_id = last.subject_id if last.topic == ChangeTopic.BOOKING else None
                yield Telling(
                    subscription_id=subscription.pk,
                    subject=Subject(order_id=last.order_id, booking_id=booking_id),
                    after_version=news[0].version - 1,
                    version=last.version,
                )


def _told_versions(
    subscribers: dict[tuple[UUID, bool, str], list[Subscription]], subjects: list[UUID]
) -> dict[tuple[UUID, UUID], int]:
    """Return the newest version of each subject that an attempt told, or that one under way tells.

    An attempt tells the newest state there is, and so may be ahead of the outbox.
    """
    mine = [subscription.pk for each in subscribers.values() for subscription in each]
    rows = (
        Delivery.objects.filter(subscription__in=mine, subject_id__in=subjects)
        .exclude(status=CallbackStatus.DROPPED)
        .filter(attempts__gt=0)
        .values_list("subscription", "subject_id")
        .annotate(version=Max("version"))
    )
    return {(subscription, subject): version for subscription, subject, version in rows}
