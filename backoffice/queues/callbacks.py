"""The queue of what partners were not told."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F, QuerySet

from api.models import OPEN_CALLBACKS, CallbackStatus, Delivery
from backoffice.queues.actions import button
from backoffice.queues.queue import Fact, Paths, Queue, Row, Source
from backoffice.queues.trips import NO_TRIP, trips_of
from payments.admin.columns import page_of, when_text

_OF_SUBSCRIPTION = Paths(is_live="subscription__is_live", partner="subscription__partner")


def _given_up(_now: datetime) -> QuerySet[Delivery]:
    """Return what was given up; what an ended subscription was not told is nobody's to mend."""
    return _read(Delivery.objects.filter(status=CallbackStatus.FAILED, subscription__ended_at__isnull=True))


def _failing(_now: datetime) -> QuerySet[Delivery]:
    """Return what failed, and is tried again by itself."""
    return _read(Delivery.objects.filter(status__in=OPEN_CALLBACKS, failures__gt=0))


def _read(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    return deliveries.select_related("subscription__partner", "order", "booking")


def _show(deliveries: Sequence[Delivery], _now: datetime) -> list[Row]:
    trips = trips_of({delivery.order_id for delivery in deliveries})
    rows = []
    for delivery in deliveries:
        subscription, trip = delivery.subscription, trips.get(delivery.order_id, NO_TRIP)
        is_over = delivery.status == CallbackStatus.FAILED
        next_attempt = "given up" if is_over else when_text(subscription.rests_until or delivery.next_attempt_at)
        rows.append(
            Row(
                name=str(delivery.booking or delivery.order),
                url=page_of(delivery),
                detail=delivery.last_error,
                since=delivery.waiting_since_at,
                guest=trip.guest,
                departs_at=trip.departs_at,
                is_live=subscription.is_live,
                partner=str(subscription.partner),
                facts=(
                    Fact(name="Receiver", value=subscription.url_host, url=page_of(subscription)),
                    Fact(name="Failed attempts", value=str(delivery.failures)),
                    Fact(name="Next attempt", value=next_attempt),
                ),
                buttons=(button("resend", delivery),),
            )
        )
    return rows


FAILING_CALLBACKS = Queue(
    slug="failing-callbacks",
    name="Partners not told",
    sentence="A partner's receiver does not take what happened to its bookings. Tell the partner, and send again once "
    "the receiver is mended.",
    permission="api.view_delivery",
    sources=tuple(
        Source(rows=rows, urgency=F("created_at"), since="waiting_since_at", paths=_OF_SUBSCRIPTION, show=_show)
        for rows in (_given_up, _failing)
    ),
)
