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
    """Be one value that several threads use. A failed fetch fails all who waited for it: else they would queue."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._lock = threading.Lock()
        self._value = ""
        self._good_until = 0.0
        self._flight: _Flight | None = None

    def get(self, fetch: Callable[[], tuple[str, float]], *, wait_seconds: float) -> str:
        """Return the value; `fetch` gives a new one and for how many seconds it may be used.

        :raises NotSent: somebody else's fetch did not end in time.
        :raises GatewayError: what the fetch raised.
        """
        with self._lock:
            if self._value and time.monotonic() < self._good_until:
                return self._value
            flight = self._flight
            is_ours = flight is None
            if flight is None:
                flight = self._flight = _Flight()
        if is_ours:
            return self._fetch(fetch, flight)
        if not flight.done.wait(wait_seconds):
            raise NotSent(f"viva: {self._what} did not come in time")
        if flight.problem is not None:
            raise type(flight.problem)(str(flight.problem))
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
            raise
        else:
            flight.problem = None
            with self._lock:
                self._value, self._good_until = flight.value, time.monotonic() + seconds
            return flight.value
        finally:
            with self._lock:
                self._flight = None
            flight.done.set()
