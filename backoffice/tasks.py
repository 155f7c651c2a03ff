from celery import shared_task
from django.utils import timezone

from backoffice.services import approvals, duplicates


@shared_task(name="backoffice.tasks.expire_approval_requests", acks_late=True)
def expire_approval_requests() -> int:
    """End the refunds to approve that nobody decided in time."""
    return approvals.expire_requests(now=timezone.now())


@shared_task(name="backoffice.tasks.find_duplicates", acks_late=True)
def find_duplicates() -> int:
    """Note the charges that look like one wish paid twice."""
    return duplicates.find_duplicates(now=timezone.now())
