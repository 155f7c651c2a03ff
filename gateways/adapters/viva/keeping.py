"""Keep a value that is fetched from Viva and good for a while: one fetch at a time, whoever asks meanwhile waits for
it.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from gateways.errors import GatewayError, NotSent


@dataclass(slots=True)
class _Flight:
    """Be one fetch under way, and in the end what came of it."""

    done: threading.Event = field(default_factory=threading.Event)
    value: str = field(default="", repr=False)
    problem: GatewayError | None = None


class Kept:
    """Be one value that several threads use. A failed fetch fails all who waited for it: else they would queue.

    It also fails whoever asks within `failed_for_seconds` of it, for values that anybody can make us fetch.
    """

    def __init__(self, what: str, *, failed_for_seconds: float = 0.0) -> None:
        self._what = what
        self._failed_for_seconds = failed_for_seconds
        self._lock = threading.Lock()
        self._value = ""
        self._good_until = 0.0
        self._problem: GatewayError | None = None
        self._failed_until = 0.0
        self._flight: _Flight | None = None

    def get(self, fetch: Callable[[], tuple[str, float]], *, wait_seconds: float) -> str:
        """Return the value; `fetch` gives a new one and for how many seconds it may be used.

        :raises NotSent: somebody else's fetch did not end in time.
        :raises GatewayError: what the fetch raised, now or a moment ago.
        """
        with self._lock:
            if self._value and time.monotonic() < self._good_until:
                return self._value
            if self._problem is not None and time.monotonic() < self._failed_until:
                raise self._problem.with_traceback(None)
            flight = self._flight
            is_ours = flight is None
            if flight is None:
                flight = self._flight = _Flight()
        if is_ours:
            return self._fetch(fetch, flight)
        if not flight.done.wait(wait_seconds):
            raise NotSent(f"viva: {self._what} did not come in time")
        if flight.problem is not None:
            raise flight.problem.with_traceback(None)
        return flight.value

    def forget(self, value: str) -> None:
        """Use this value no more, as Viva refuses it; a newer one stays."""
        with self._lock:
            if self._value == value:
                self._value = ""

    def _fetch(self, fetch: Callable[[], tuple[str, float]], flight: _Flight) -> str:
        # Unless it turns out otherwise: those who wait must never be left without an answer.
        flight.problem = NotSent(f"viva: {self._what} could not be had")
        try:
            flight.value, seconds = fetch()
        except GatewayError as problem:
            flight.problem = problem
            with self._lock:
                self._problem, self._failed_until = problem, time.monotonic() + self._failed_for_seconds
            raise
        else:
            flight.problem = None
            with self._lock:
                self._value, self._good_until = flight.value, time.monotonic() + seconds
                self._problem = None
            return flight.value
        finally:
            with self._lock:
                self._flight = None
            flight.done.set()
