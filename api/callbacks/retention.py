from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef

from api.models import OPEN_CALLBACKS, CallbackStatus, Delivery, Subscription
from bookings.models import Change


def prune_callbacks(*, now: datetime) -> int:
    """Delete told changes, old deliveries and ended subscriptions, and return how many rows.

    What failed is kept as long as a partner may still ask for it, and a change as long as something waits that tells
    of its order: a diff is made of it.
    """
    told_before = now - timedelta(days=settings.CALLBACKS["KEEP_TOLD_CHANGES_DAYS"])
    ended_before = now - timedelta(days=settings.CALLBACKS["KEEP_DELIVERIES_DAYS"])
    waiting = Delivery.objects.filter(order=OuterRef("order"), status__in=OPEN_CALLBACKS)
    changes, _ = Change.objects.filter(~Exists(waiting), told_at__lt=told_before).delete()
    deliveries, _ = Delivery.objects.filter(ended_at__lt=ended_before).exclude(status=CallbackStatus.WAITING).delete()
    logged = Delivery.objects.filter(subscription=OuterRef("pk"))
    subscriptions, _ = Subscription.objects.filter(~Exists(logged), ended_at__lt=ended_before).delete()
    return changes + deliveries + subscriptions
