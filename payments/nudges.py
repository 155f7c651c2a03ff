"""Wake a worker for a row that is written. Best effort: beat drains what a lost nudge leaves behind.

A thread of each process talks to the broker, so that no request waits for it, up or down. In a burst one message that
drains all stands for all that came together, because publishing costs more than storing a webhook does.
"""

import contextvars
import os
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from celery import Task
from django.db import transaction

log = structlog.get_logger(__name__)
# While the broker is down or hangs, it is tried once in so many seconds.
_REST_SECONDS = 5.0
# Between two rounds: a burst then costs a process at most 5 messages a second, however many webhooks come. What comes
# alone is sent at once.
_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class _Nudge:
    task: "Task[..., Any]"
    row: dict[str, str]
    drain: "Task[..., Any]"
    context: contextvars.Context


@dataclass(frozen=True, slots=True)
class _Send:
    task: "Task[..., Any]"
    row: dict[str, str]
    context: contextvars.Context


class _Sender:
    """Send nudges from a thread of its own, which begins with the first one and ends with the process."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._waiting: deque[_Nudge] = deque()
        self._is_wanted = threading.Event()
        self._resting_until = 0.0
        threading.Thread(target=self._run, name="nudges", daemon=True).start()

    @property
    def is_ours(self) -> bool:
        """Say whether this process made it: a fork inherits the object, but no thread."""
        return self._pid == os.getpid()

    def add(self, nudge: _Nudge) -> None:
        """Take a nudge to be sent soon; none is taken while the broker is given a rest."""
        if time.monotonic() >= self._resting_until:
            self._waiting.append(nudge)
            self._is_wanted.set()

    def _run(self) -> None:
        while True:
            self._is_wanted.wait()
            self._is_wanted.clear()
            batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
            self._send([_one_for(nudges) for nudges in _by_drain(batch)])
            time.sleep(_PAUSE_SECONDS)

    def _send(self, sends: list[_Send]) -> None:
        for send in sends:
            try:
                # In the request's context, so that its id goes with the message.
                send.context.run(send.task.apply_async, kwargs=send.row, retry=False, ignore_result=True)
            except Exception as error:  # noqa: BLE001 - kombu, redis and socket errors alike: the row waits for beat
                self._resting_until = time.monotonic() + _REST_SECONDS
                self._waiting.clear()
                log.warning("nudge_failed", task=send.task.name, error=type(error).__name__)
                return


def _by_drain(batch: list[_Nudge]) -> Iterable[list[_Nudge]]:
    """Return the nudges of a round together with those that the same drain can stand for."""
    found: dict[Task[..., Any], list[_Nudge]] = {}
    for nudge in batch:
        found.setdefault(nudge.drain, []).append(nudge)
    return found.values()


def _one_for(nudges: list[_Nudge]) -> _Send:
    """Return the message of a nudge that is alone; for several the drain, which does the work of all."""
    last = nudges[-1]
    return _Send(last.task, last.row, last.context) if len(nudges) == 1 else _Send(last.drain, {}, last.context)


_lock = threading.Lock()
_sender: _Sender | None = None


def nudge(task: "Task[..., Any]", *, drain: "Task[..., Any]", **row: str) -> None:
    """Send a task once the row it is about is committed; `drain` does the same work for every row that waits."""
    wish = _Nudge(task, row, drain, contextvars.copy_context())
    transaction.on_commit(partial(_add, wish), robust=True)


def _add(wish: _Nudge) -> None:
    global _sender
    sender = _sender
    if sender is None or not sender.is_ours:
        with _lock:
            if _sender is None or not _sender.is_ours:
                _sender = _Sender()
            sender = _sender
    sender.add(wish)
