"""What beat sends, and when: the drains of what waits, and what is done by the clock."""

from typing import Any

from celery.schedules import crontab

from config.settings.celery import QUEUE_CALLBACKS, QUEUE_DEFAULT, QUEUE_OPERATIONS, QUEUE_WEBHOOKS


def _every(seconds: float, task: str, queue: str) -> dict[str, Any]:
    """Return a beat entry that leaves no backlog behind while workers are away: each message expires with its turn."""
    options = {"queue": queue, "expires": max(seconds, 5), "headers": {"periodic": True}}
    return {"task": task, "schedule": seconds, "options": options}


def _at(time: crontab, task: str) -> dict[str, Any]:
    """Return a beat entry by the clock, which waits for a worker as long as that takes."""
    return {"task": task, "schedule": time, "options": {"queue": QUEUE_DEFAULT}}


BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "drain-deliveries": _every(5, "payments.tasks.drain_deliveries", QUEUE_WEBHOOKS),
    "drain-operations": _every(5, "payments.tasks.drain_operations", QUEUE_OPERATIONS),
    "resolve-unknown": _every(15, "payments.tasks.resolve_unknown", QUEUE_OPERATIONS),
    "delete-revoked-cards": _every(10, "payments.tasks.delete_revoked_cards", QUEUE_OPERATIONS),
    "expire-holds": _every(10, "payments.tasks.expire_holds", QUEUE_OPERATIONS),
    "confirm-paid-orders": _every(30, "payments.tasks.confirm_paid_orders", QUEUE_OPERATIONS),
    "charge-due-balances": _every(30, "payments.tasks.charge_due_balances", QUEUE_OPERATIONS),
    "finish-links": _every(10, "payments.tasks.finish_links", QUEUE_OPERATIONS),
    "expire-approval-requests": _every(30, "backoffice.tasks.expire_approval_requests", QUEUE_DEFAULT),
    "drain-departures": _every(5, "backoffice.tasks.drain_departures", QUEUE_OPERATIONS),
    "drain-mails": _every(10, "bookings.tasks.drain_mails", QUEUE_DEFAULT),
    "tell-partners": _every(5, "api.tasks.tell_partners", QUEUE_CALLBACKS),
    "find-duplicates": _every(30, "backoffice.tasks.find_duplicates", QUEUE_DEFAULT),
    # A file that is uploaded nudges nobody: who looks at the page again sees it done.
    "import-settlements": _every(20, "reconciliation.tasks.import_uploads", QUEUE_DEFAULT),
    "write-exports": _every(5, "reconciliation.tasks.write_exports", QUEUE_DEFAULT),
    "mail-scheduled-exports": _every(30, "reconciliation.tasks.mail_scheduled_exports", QUEUE_DEFAULT),
    "prune-exports": _at(crontab(hour="3", minute="35"), "reconciliation.tasks.prune_exports"),
    "fetch-reports": _every(10, "reconciliation.tasks.fetch_reports", QUEUE_DEFAULT),
    "look-for-reports": _at(crontab(minute="25"), "reconciliation.tasks.look_for_reports"),
    "add-up-the-books": _every(30, "reconciliation.tasks.add_up_the_books", QUEUE_DEFAULT),
    "look-for-missing-settlements": _at(crontab(hour="4", minute="5"), "reconciliation.tasks.look_for_missing"),
    "prune": _at(crontab(hour="3", minute="15"), "payments.tasks.prune"),
    "prune-mails": _at(crontab(hour="3", minute="50"), "bookings.tasks.prune_mails"),
    "prune-idempotency-keys": _at(crontab(hour="3", minute="30"), "api.tasks.prune_idempotency_keys"),
    "prune-presses": _at(crontab(hour="3", minute="55"), "backoffice.tasks.prune_presses"),
    "prune-callbacks": _at(crontab(hour="3", minute="45"), "api.tasks.prune_callbacks"),
    "sweep-card-numbers": _at(crontab(day_of_month="1", hour="4", minute="30"), "backoffice.tasks.sweep_card_numbers"),
}
