"""Let two actors meet inside a window on purpose, with the locks on or taken away.

Each actor has its own thread and database connection. `meet` makes both wait for each other right after a function of
ours returned, which is where a check has been made and its consequence not yet written. With the lock on, the second
actor never gets there while the first is inside: the meeting is given up after a moment and the first goes on alone.
That pause is the cost of a passing race test, not a wait for luck: without the lock both are in the window at once,
every time, and so a control waits as long as a busy machine may need to bring the second one there.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.db import connection, connections
from django.db.models.query import QuerySet

from bookings.compiled import CompiledQuery
from tests.processes import PATIENCE_SECONDS

_MEETING_SECONDS = 0.6


def run_together(*actors: Callable[[], Any]) -> list[Any]:
    """Run the actors at once; return what each returned or raised, in their order."""
    start = threading.Barrier(len(actors))

    def run(actor: Callable[[], Any]) -> Any:
        try:
            start.wait(PATIENCE_SECONDS)
            return actor()
        except Exception as error:  # noqa: BLE001 - what an actor raises is what the test asserts on
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(actors)) as pool:
        return list(pool.map(run, actors))


def meet(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """Make two actors wait for each other after `module.name` returned, for the first time each."""
    original = getattr(module, name)
    barrier = threading.Barrier(2)
    met = threading.local()

    def meeting(*args: Any, **fields: Any) -> Any:
        result = original(*args, **fields)
        if not getattr(met, "was_here", False):
            met.was_here = True
            with suppress(threading.BrokenBarrierError):
                barrier.wait(_MEETING_SECONDS)
        return result

    monkeypatch.setattr(module, name, meeting)


def take_row_locks_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `select_for_update` an ordinary read: the negative control of every row lock."""
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, *_, **__: self.all())
    # What was compiled with the lock in it is built anew.
    monkeypatch.setattr(CompiledQuery, "rows", lambda self, **values: list(self.build(**values)))
    monkeypatch.setattr(sys.modules[__name__], "_MEETING_SECONDS", PATIENCE_SECONDS)


@contextmanager
def without(statement: str, back: str) -> Iterator[None]:
    """Take a constraint or trigger away for a while: the negative control of what the database refuses."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(back)
