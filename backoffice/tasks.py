from celery import shared_task
from django.utils import timezone

from backoffice.services import approvals


@shared_task(name="backoffice.tasks.expire_approval_requests", acks_late=True)
def expire_approval_requests() -> int:
    """End the refunds to approve that nobody decided in time."""
    return approvals.expire_requests(now=timezone.now())
