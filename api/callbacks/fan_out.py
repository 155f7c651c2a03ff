"""Turn what partners must be told into deliveries: once per change and subscription, one per subject however many."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, Q

from api.models import SUBSCRIBED_EVENTS, CallbackEvent, CallbackStatus, Delivery, Invoice, Subscription
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
        event = _event_of(change)
        if event is not None:
            of_subject.setdefault((event, change.subject_id), []).append(change)
    listening = _Listening(
        partners={change.partner_id for change in changes},
        orders=[subject_id for event, subject_id in of_subject if event is CallbackEvent.INVOICE_UPDATE],
    )
    if not listening.subscriptions:
        return
    told = _told_versions(listening.subscriptions, [subject for _, subject in of_subject])
    for (event, subject_id), found in of_subject.items():
        found.sort(key=lambda change: change.version)
        for subscription in listening.to(event, found[0]):
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


def _event_of(change: Change) -> CallbackEvent | None:
    """Return what a change is told as; of an order that asks for an amount by itself only its invoice is told."""
    if is_asked(change.order):
        return CallbackEvent.INVOICE_UPDATE
    return EVENT_OF_TOPIC.get(ChangeTopic(change.topic))


class _Listening:
    """Know who listens to some partners' changes: their subscriptions, and who their invoices say is to be told."""

    def __init__(self, *, partners: Collection[UUID], orders: Collection[UUID]) -> None:
        invoices = Invoice.objects.filter(order__in=orders, callback__isnull=False)
        self._of_order: dict[UUID, UUID | None] = dict(invoices.values_list("order_id", "callback_id"))
        self.subscriptions = list(
            Subscription.objects.select_for_update(no_key=True, of=("self",))
            .filter(Q(event__in=SUBSCRIBED_EVENTS) | Q(pk__in=self._of_order.values()))
            .filter(partner__in=partners, partner__is_active=True, ended_at__isnull=True)
            .order_by("pk")
        )

    def to(self, event: CallbackEvent, change: Change) -> Iterator[Subscription]:
        """Yield who is to be told of a change as this event."""
        for subscription in self.subscriptions:
            if event is CallbackEvent.INVOICE_UPDATE:
                is_to_be_told = subscription.pk == self._of_order.get(change.order_id)
            else:
                key = (subscription.partner_id, subscription.is_live, subscription.event)
                is_to_be_told = key == (change.partner_id, change.order.is_live, event)
            if is_to_be_told:
                yield subscription


def _told_versions(subscriptions: list[Subscription], subjects: list[UUID]) -> dict[tuple[UUID, UUID], int]:
    """Return the newest version of each subject that an attempt told, or that one under way tells.

    An attempt tells the newest state there is, and so may be ahead of the outbox.
    """
    rows = (
        Delivery.objects.filter(subscription__in=subscriptions, subject_id__in=subjects)
        .exclude(status=CallbackStatus.DROPPED)
        .filter(attempts__gt=0)
        .values_list("subscription", "subject_id")
        .annotate(version=Max("version"))
    )
    return {(subscription, subject): version for subscription, subject, version in rows}
