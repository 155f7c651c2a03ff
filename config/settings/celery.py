"""The broker and the queues. Services write rows, workers drain rows: a lost message costs seconds.

Nothing of Celery is imported here, which a process that neither sends nor runs a task would carry for nothing: its
queues are made in `celery_app`, and what beat sends is in `config.beat`.
"""

from typing import Any

from config.settings.environment import VAR_DIR, env

# Set by our gunicorn configuration. Only web processes pool connections and give up on the broker at once.
WEB_PROCESS = env.bool("WEB_PROCESS", default=False)

REDIS_URL = env.str("REDIS_URL")

QUEUE_WEBHOOKS = "webhooks"
QUEUE_OPERATIONS = "operations"
QUEUE_DEFAULT = "default"
QUEUE_CALLBACKS = "callbacks"
TASK_QUEUES = (QUEUE_WEBHOOKS, QUEUE_OPERATIONS, QUEUE_DEFAULT, QUEUE_CALLBACKS)


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
