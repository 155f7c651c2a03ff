"""Tell again what did not arrive, or one booking or order by name; always its newest state."""

from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction

from api.callbacks.errors import SubscriptionNotFound
from api.callbacks.fan_out import Subject, Telling, tell
from api.models import OPEN_CALLBACKS, CallbackEvent, CallbackStatus, Delivery, Subscription
from bookings.models import Booking, Order
from bookings.selectors import booking_for_partner, order_to_change

log = structlog.get_logger(__name__)


@transaction.atomic
def resend(
    *, subscription: Subscription, now: datetime, booking_uuid: str | None = None, order_id: str | None = None
) -> int:
    """Send again what was given up, and at once what waits for its next attempt, or tell a booking or order by name;
    return how many deliveries are on their way then.

    Where bookings are subscribed to, an order stands for its bookings; where orders are, a booking for its order.

    :raises SubscriptionNotFound: it has ended.
    :raises BookingNotFound: the partner has no such booking in the subscription's mode.
    :raises OrderNotFound: nor such an order.
    """
    _wake(subscription)
    if booking_uuid is None and order_id is None:
        _resend_failed(subscription=subscription, now=now)
        return Delivery.objects.filter(subscription=subscription, status__in=OPEN_CALLBACKS).count()
    partner, is_live = subscription.partner, subscription.is_live
    if booking_uuid is not None:
        bookings = [booking_for_partner(partner=partner, is_live=is_live, uuid=booking_uuid)]
        order = bookings[0].order
    else:
        order = order_to_change(partner=partner, is_live=is_live, order_id=order_id or "")
        bookings = list(order.bookings.all())
    return _resend_subjects(subscription, order, bookings, now=now)


@transaction.atomic
def resend_delivery(*, delivery: Delivery, now: datetime) -> None:
    """Send what one delivery told, or failed to tell, again.

    :raises SubscriptionNotFound: the subscription has ended.
    """
    _wake(delivery.subscription)
    _tell(delivery.subscription, [delivery], now=now)


def _resend_failed(*, subscription: Subscription, now: datetime) -> None:
    """Send what was given up again, the oldest first, up to a limit, and what waits for its next attempt."""
    failed = list(
        Delivery.objects.filter(subscription=subscription, status=CallbackStatus.FAILED).order_by("created_at", "pk")[
            : settings.CALLBACKS["MOST_RESENT"]
        ]
    )
    _tell(subscription, failed, now=now)
    waiting = Delivery.objects.filter(subscription=subscription, status=CallbackStatus.WAITING)
    waiting.filter(next_attempt_at__gt=now).update(next_attempt_at=now)


def _resend_subjects(subscription: Subscription, order: Order, bookings: list[Booking], *, now: datetime) -> int:
    if subscription.event == CallbackEvent.ORDER_UPDATE:
        subjects = [Subject(order_id=order.pk, booking_id=None)]
    else:
        subjects = [Subject(order_id=order.pk, booking_id=booking.pk) for booking in bookings]
    # Nothing has changed since: such a delivery has an empty diff.
    tell(
        (
            Telling(subscription_id=subscription.pk, subject=each, after_version=order.version, version=order.version)
            for each in subjects
        ),
        now=now,
    )
    log.info("callback_resent", subscription=str(subscription.pk), count=len(subjects))
    return len(subjects)


def _wake(subscription: Subscription) -> None:
    """End a receiver's rest: whoever asks again says that it answers now."""
    if not Subscription.objects.filter(pk=subscription.pk, ended_at__isnull=True).update(rests_until=None):
        raise SubscriptionNotFound(str(subscription.pk))


def _tell(subscription: Subscription, deliveries: list[Delivery], *, now: datetime) -> None:
    tell(
        (
            Telling(
                subscription_id=subscription.pk,
                subject=Subject(order_id=delivery.order_id, booking_id=delivery.booking_id),
                after_version=delivery.after_version,
                version=delivery.version,
            )
            for delivery in deliveries
        ),
        now=now,
    )
    # Asked for a second time they would be sent a second time.
    Delivery.objects.filter(pk__in=[each.pk for each in deliveries], status=CallbackStatus.FAILED).update(
        status=CallbackStatus.DROPPED, last_error="sent again"
    )
    log.info("callback_resent", subscription=str(subscription.pk), count=len(deliveries))
