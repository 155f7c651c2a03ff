"""Wake a worker for a row that is written. Best effort: beat drains what a lost nudge leaves behind."""

import time
from functools import partial
from typing import Any

import structlog
from celery import Task
from django.db import transaction

log = structlog.get_logger(__name__)
# While the broker is down or hangs, only one request in this many seconds pays for finding out.
_REST_SECONDS = 5.0
_resting_until = 0.0


def nudge(task: "Task[..., Any]", **row: str) -> None:
    """Send a task once the row it is about is committed; a broker that is down or hangs costs nothing but the nudge."""
    transaction.on_commit(partial(_send, task, row), robust=True)


def _send(task: "Task[..., Any]", row: dict[str, str]) -> None:
    global _resting_until
    if time.monotonic() < _resting_until:
        return
    try:
        task.apply_async(kwargs=row, retry=False, ignore_result=True)
    except Exception as error:  # noqa: BLE001 - kombu, redis and socket errors alike: the row waits for beat
        _resting_until = time.monotonic() + _REST_SECONDS
        log.warning("nudge_failed", task=task.name, error=type(error).__name__)
