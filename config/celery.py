"""The Celery app: request ids travel with the tasks, and a worker tells that it is alive."""

import os
import time
from typing import Any

import redis
import structlog
from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")

from django.conf import settings

from config.heartbeat import beat_heart, stop_heart
from config.logs import configure
from config.tether import die_with_parent

app = Celery("card-payments")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

logger = structlog.get_logger(__name__)
_REQUEST_ID_HEADER = "request_id"


@signals.setup_logging.connect(weak=False)
def _use_our_logging(**_: Any) -> None:
    configure(settings.LOGGING)


@signals.before_task_publish.connect(weak=False)
def _send_request_id(headers: dict[str, Any] | None = None, **_: Any) -> None:
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if headers is not None and request_id:
        headers[_REQUEST_ID_HEADER] = request_id


@signals.task_prerun.connect(weak=False)
def _bind_request_id(task_id: str, task: Any, **_: Any) -> None:
    if getattr(task.request, "is_eager", False):
        return
    structlog.contextvars.clear_contextvars()
    request_id = getattr(task.request, _REQUEST_ID_HEADER, None) or task_id
    structlog.contextvars.bind_contextvars(request_id=request_id, task=task.name, task_id=task_id)


@signals.task_postrun.connect(weak=False)
def _unbind_request_id(task: Any, state: str | None = None, **_: Any) -> None:
    if getattr(task.request, "is_eager", False):
        return
    # Beat's drains come by every few seconds and mostly find nothing: theirs is a debug line.
    log = logger.debug if getattr(task.request, "periodic", False) else logger.info
    log("task_finished", state=state)
    structlog.contextvars.clear_contextvars()


@signals.heartbeat_sent.connect(weak=False)
def _tell_alive(sender: Any, **_: Any) -> None:
    try:
        beat_heart(settings.REDIS_URL, worker=sender.eventer.hostname, now=time.time())
    except redis.RedisError as error:
        logger.warning("heartbeat_not_written", error=type(error).__name__)


@signals.worker_shutdown.connect(weak=False)
def _tell_gone(sender: Any, **_: Any) -> None:
    try:
        stop_heart(settings.REDIS_URL, worker=sender.hostname)
    except redis.RedisError as error:
        logger.warning("heartbeat_not_removed", error=type(error).__name__)


@signals.worker_process_init.connect(weak=False)
def _end_with_the_worker(**_: Any) -> None:
    die_with_parent()
