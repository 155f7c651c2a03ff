"""What the partner APIs do in the background."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from api.idempotency import prune_idempotent_requests


@shared_task(name="api.tasks.prune_idempotency_keys", acks_late=True)
def prune_idempotency_keys() -> int:
    """Forget the keys of requests that no partner repeats any more."""
    return prune_idempotent_requests(before=timezone.now() - timedelta(days=settings.API["KEEP_IDEMPOTENCY_KEYS_DAYS"]))
