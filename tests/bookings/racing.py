"""Two real connections that meet at a chosen point, so that a race is run and not hoped for."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from tests.processes import PATIENCE_SECONDS


class Racer:
    """Run one call in a thread with a connection of its own."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._has_connected = threading.Event()
        self._backend_pid = 0
        self.was_blocked = False
        self.result: Any = None
        self.error: BaseException | None = None

    def start(self) -> "Racer":
        """Start, and return once the connection stands."""
        self._thread.start()
        assert self._has_connected.wait(PATIENCE_SECONDS)
        return self

    def wait_until_blocked_or_done(self) -> bool:
        """Return True once the call waits for a lock of somebody else, False when it ended without."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with connection.cursor() as cursor:
                cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [self._backend_pid])
                if cursor.fetchone()[0]:
                    return True
            self._thread.join(0.01)
            if not self._thread.is_alive():
                return False
        raise AssertionError("the racer neither waits nor ends")

    def finish(self) -> Any:
        """Return what the call returned, or raise what it raised."""
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error
        return self.result

    def _run(self) -> None:
        try:
            connection.ensure_connection()
            self._backend_pid = connection.connection.info.backend_pid
            self._has_connected.set()
            self.result = self._call()
        except BaseException as error:  # noqa: BLE001 - the other thread raises it
            self.error = error
        finally:
            connection.close()


@contextmanager
def overtaken_by(call: Callable[[], Any]) -> Iterator[Racer]:
    """Hold what the block does in an open transaction until `call`, in another connection, waits for it or is done."""
    with transaction.atomic():
        racer = Racer(call)
        yield racer
        racer.start()
        racer.was_blocked = racer.wait_until_blocked_or_done()
