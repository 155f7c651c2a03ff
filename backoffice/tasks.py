"""What workers do for the back office: one service call each; beat has them do it."""

from celery import shared_task
from django.utils import timezone

from backoffice.services import approvals, departure_batch


@shared_task(name="backoffice.tasks.expire_approval_requests", acks_late=True)
def expire_approval_requests() -> int:
    """End the refunds to approve that nobody decided in time."""
    return approvals.expire_requests(now=timezone.now())


@shared_task(name="backoffice.tasks.drain_departures", acks_late=True)
def drain_departures() -> int:
    """Give money back for departures that were cancelled, booking by booking."""
    return departure_batch.drain_departures(clock=timezone.now)
