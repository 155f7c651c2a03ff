"""What workers do for bookings: send the mails that were written, and forget those that were sent long ago."""

from django.utils import timezone

from bookings import services
from celery_app import app


@app.task(name="bookings.tasks.drain_mails", acks_late=True)
def drain_mails() -> int:
    """Send every mail whose time has come."""
    return services.drain_mails(clock=timezone.now)


@app.task(name="bookings.tasks.prune_mails", acks_late=True)
def prune_mails() -> int:
    """Delete mails that were sent long ago."""
    return services.prune_mails(now=timezone.now())
