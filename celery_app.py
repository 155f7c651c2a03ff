"""The Celery app, below every module of tasks: who imports a task has the app it is sent through.

A process that neither sends nor runs one, such as a management command, never imports Celery.
"""

from typing import Any

import structlog
from celery import Celery, signals
from django.conf import settings
from kombu import Queue

app = Celery("card-payments")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_queues = [Queue(name) for name in settings.TASK_QUEUES]
app.autodiscover_tasks()

logger = structlog.get_logger(__name__)
_REQUEST_ID_HEADER = "request_id"


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
