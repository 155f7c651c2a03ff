"""What workers do for the back office: one service call each; beat has them do it."""

import structlog
from django.utils import timezone

from backoffice.services import approvals, departure_batch, duplicates, pressing
from backoffice.sweeping import sweep
from celery_app import app

log = structlog.get_logger(__name__)
# Below the hour after which the broker would give the message to another worker.
_SWEEP_SECONDS = 50 * 60


@app.task(
    name="backoffice.tasks.sweep_card_numbers",
    acks_late=True,
    soft_time_limit=_SWEEP_SECONDS,
    time_limit=_SWEEP_SECONDS + 60,
)
def sweep_card_numbers() -> None:
    """Look for card numbers in everything that is stored, and report to the log; masking is a person's decision."""
    values = left = 0
    for swept in sweep(is_masking=False):
        values += swept.rows
        left += swept.left
        if swept.holding:
            log.error("card_numbers_found", table=swept.table, column=swept.column, rows=swept.holding)
    log.info("card_number_sweep_finished", values=values, rows_with_card_numbers=left)


@app.task(name="backoffice.tasks.expire_approval_requests", acks_late=True)
def expire_approval_requests() -> int:
    """End the refunds to approve that nobody decided in time."""
    return approvals.expire_requests(now=timezone.now())


@app.task(name="backoffice.tasks.find_duplicates", acks_late=True)
def find_duplicates() -> int:
    """Note the charges that look like one wish paid twice."""
    return duplicates.find_duplicates(now=timezone.now())


@app.task(name="backoffice.tasks.drain_departures", acks_late=True)
def drain_departures() -> int:
    """Give money back for departures that were cancelled, booking by booking."""
    return departure_batch.drain_departures(clock=timezone.now)


@app.task(name="backoffice.tasks.prune_presses", acks_late=True)
def prune_presses() -> int:
    """Delete what was pressed and cannot be pressed again anyway."""
    return pressing.prune_presses(now=timezone.now())
