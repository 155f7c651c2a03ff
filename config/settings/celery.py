"""The broker, the queues and the beat. Services write rows, workers drain rows: a lost message costs seconds."""

from typing import Any

from celery.schedules import crontab
from kombu import Queue

from config.settings.environment import VAR_DIR, env

# Set by our gunicorn configuration. Only web processes pool connections and give up on the broker at once.
WEB_PROCESS = env.bool("WEB_PROCESS", default=False)

REDIS_URL = env.str("REDIS_URL")

QUEUE_WEBHOOKS = "webhooks"
QUEUE_OPERATIONS = "operations"
QUEUE_DEFAULT = "default"
QUEUE_CALLBACKS = "callbacks"


def broker_url(redis_url: str) -> str:
    """Return Celery's spelling of a Redis address: its unix sockets have another scheme and parameter."""
    if redis_url.startswith("unix://"):
        return redis_url.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")
    return redis_url


def nudge_options() -> dict[str, Any]:
    """Return transport options under which a stopped or hung broker costs at most 0.2 s, once.

    For web processes only: a worker waits longer than this for its next message.
    """
    return {
        "socket_timeout": 0.2,
        "socket_connect_timeout": 0.2,
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0,
        "interval_max": 0,
    }


CELERY_BROKER_URL = broker_url(REDIS_URL)
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = nudge_options() if WEB_PROCESS else {}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# None: a worker goes on trying for as long as the broker is away.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY = not WEB_PROCESS
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True

CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_QUEUES = [Queue(QUEUE_WEBHOOKS), Queue(QUEUE_OPERATIONS), Queue(QUEUE_DEFAULT), Queue(QUEUE_CALLBACKS)]
CELERY_TASK_DEFAULT_QUEUE = QUEUE_DEFAULT
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_ROUTES = {
    "payments.tasks.handle_delivery": {"queue": QUEUE_WEBHOOKS},
    "payments.tasks.drain_deliveries": {"queue": QUEUE_WEBHOOKS},
    "payments.tasks.perform_operation": {"queue": QUEUE_OPERATIONS},
    "payments.tasks.drain_operations": {"queue": QUEUE_OPERATIONS},
    "payments.tasks.resolve_unknown": {"queue": QUEUE_OPERATIONS},
    "api.tasks.tell_partners": {"queue": QUEUE_CALLBACKS},
    "payments.tasks.delete_revoked_card": {"queue": QUEUE_OPERATIONS},
    "payments.tasks.delete_revoked_cards": {"queue": QUEUE_OPERATIONS},
    "payments.tasks.charge_due_balances": {"queue": QUEUE_OPERATIONS},
    "payments.tasks.finish_links": {"queue": QUEUE_OPERATIONS},
    "backoffice.tasks.drain_departures": {"queue": QUEUE_OPERATIONS},
}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_WORKER_CONCURRENCY = env.int("WORKER_CONCURRENCY", default=2)
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
# A gateway call ends after 14 s and a statement after 15 s: a task that takes longer hangs.
CELERY_TASK_SOFT_TIME_LIMIT = 90
CELERY_TASK_TIME_LIMIT = 120
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True

CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "run" / "beat-schedule")
CELERY_BEAT_MAX_LOOP_INTERVAL = 5


def _every(seconds: float, task: str, queue: str) -> dict[str, Any]:
    """Return a beat entry that leaves no backlog behind while workers are away: each message expires with its turn."""
    options = {"queue": queue, "expires": max(seconds, 5), "headers": {"periodic": True}}
    return {"task": task, "schedule": seconds, "options": options}


CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
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
    "prune-exports": {
        "task": "reconciliation.tasks.prune_exports",
        "schedule": crontab(hour="3", minute="35"),
        "options": {"queue": QUEUE_DEFAULT},
    },
    "fetch-reports": _every(10, "reconciliation.tasks.fetch_reports", QUEUE_DEFAULT),
    "look-for-reports": {
        "task": "reconciliation.tasks.look_for_reports",
        "schedule": crontab(minute="25"),
        "options": {"queue": QUEUE_DEFAULT},
    },
    "add-up-the-books": _every(30, "reconciliation.tasks.add_up_the_books", QUEUE_DEFAULT),
    "look-for-missing-settlements": {
        "task": "reconciliation.tasks.look_for_missing",
        "schedule": crontab(hour="4", minute="5"),
        "options": {"queue": QUEUE_DEFAULT},
    },
    "prune": {
        "task": "payments.tasks.prune",
        "schedule": crontab(hour="3", minute="15"),
        "options": {"queue": QUEUE_DEFAULT},
    },
    "prune-mails": {
        "task": "bookings.tasks.prune_mails",
        "schedule": crontab(hour="3", minute="50"),
        "options": {"queue": QUEUE_DEFAULT},
    },
    "prune-idempotency-keys": {
        "task": "api.tasks.prune_idempotency_keys",
        "schedule": crontab(hour="3", minute="30"),
        "options": {"queue": QUEUE_DEFAULT},
    },
    "prune-presses": {
        "task": "backoffice.tasks.prune_presses",
        "schedule": crontab(hour="3", minute="55"),
        "options": {"queue": QUEUE_DEFAULT},
    },
    "prune-callbacks": {
        "task": "api.tasks.prune_callbacks",
        "schedule": crontab(hour="3", minute="45"),
        "options": {"queue": QUEUE_DEFAULT},
    },
    "sweep-card-numbers": {
        "task": "backoffice.tasks.sweep_card_numbers",
        "schedule": crontab(day_of_month="1", hour="4", minute="30"),
        "options": {"queue": QUEUE_DEFAULT},
    },
}
