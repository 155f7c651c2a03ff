"""What the partner APIs do in the background."""

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from api.callbacks import delivering, retention
from api.callbacks.delivering import Render, Rendered
from api.finance.repeating import prune_repeatable_exports
from api.idempotency import prune_idempotent_requests
from api.invoices.deliveries import render_callback
from api.models import CallbackEvent, Delivery
from api.octo.deliveries import render_delivery
from celery_app import app

# Each event in the words of the dialect that knows it.
_RENDER: dict[CallbackEvent, Render] = {
    CallbackEvent.BOOKING_UPDATE: render_delivery,
    CallbackEvent.ORDER_UPDATE: render_delivery,
    CallbackEvent.INVOICE_UPDATE: render_callback,
}


@app.task(name="api.tasks.prune_idempotency_keys", acks_late=True)
def prune_idempotency_keys() -> int:
    """Forget the keys of requests that nobody repeats any more."""
    before = timezone.now() - timedelta(days=settings.API["KEEP_IDEMPOTENCY_KEYS_DAYS"])
    return prune_idempotent_requests(before=before) + prune_repeatable_exports(before=before)


@app.task(name="api.tasks.tell_partners", acks_late=True)
def tell_partners() -> int:
    """Tell partners what changed: make deliveries of new changes and send what is due."""
    return delivering.tell_partners(clock=timezone.now, render=render)


@app.task(name="api.tasks.prune_callbacks", acks_late=True)
def prune_callbacks() -> int:
    """Forget told changes and the log of old deliveries."""
    return retention.prune_callbacks(now=timezone.now())


def render(delivery: Delivery, now: datetime) -> Rendered:
    """Return what is posted for a delivery, by the dialect of its event."""
    return _RENDER[CallbackEvent(delivery.subscription.event)](delivery, now)
