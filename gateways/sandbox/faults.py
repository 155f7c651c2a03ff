"""Scripted faults: what goes wrong next, with which operation, and how often."""

import json
from dataclasses import dataclass, field
from typing import Any

CALL_FAULTS = frozenset({"hang", "error", "unavailable", "garbage", "reset", "answer_lost", "slow", "in_progress"})
WEBHOOK_FAULTS = frozenset(
    {"dropped", "delayed", "doubled", "reordered", "wrongly_signed", "wrong_amount", "wrong_currency"}
)
WEBHOOK = "webhook"
EVERY = "*"
DEFAULT_SECONDS = {"hang": 60.0, "slow": 2.0, "delayed": 5.0}


class BadFault(Exception):
    """The fault that was asked for makes no sense; the message says why."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One scripted fault. `times` counts down to 0; -1 stays until it is deleted."""

    id: int
    gateway: str
    operation: str
    fault: str
    times: int
    seconds: float
    match: str | dict[str, Any] | None = field(default=None)

    def shown(self) -> dict[str, Any]:
        """Return the fault as the control API shows it."""
        return {
            "id": self.id,
            "gateway": self.gateway,
            "operation": self.operation,
            "fault": self.fault,
            "times": self.times,
            "seconds": self.seconds,
            "match": self.match,
        }


class FaultBook:
    """The faults in the order in which they were asked for; the first that fits is used."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._last_id = 0

    def add(self, wish: dict[str, Any], *, operations: dict[str, frozenset[str]]) -> Fault:
        """Add a fault.

        `operations` holds the names of each gateway's calls.

        :raises BadFault: a name or a figure is wrong.
        """
        unknown = set(wish) - {"gateway", "operation", "fault", "times", "seconds", "match"}
        if unknown:
            raise BadFault(f"unknown field {sorted(unknown)[0]!r}")
        gateway, operation, name = wish.get("gateway"), wish.get("operation"), wish.get("fault")
        if gateway not in operations:
            raise BadFault(f"gateway must be one of {', '.join(sorted(operations))}")
        known = operations[gateway] | {WEBHOOK, EVERY}
        if operation not in known:
            raise BadFault(f"operation must be one of {', '.join(sorted(known))}")
        fitting = WEBHOOK_FAULTS if operation == WEBHOOK else CALL_FAULTS
        if operation == EVERY:
            fitting = WEBHOOK_FAULTS | CALL_FAULTS
        if name not in fitting:
            raise BadFault(f"fault for {operation} must be one of {', '.join(sorted(fitting))}")
        times = wish.get("times", 1)
        if not isinstance(times, int) or isinstance(times, bool) or (times < 1 and times != -1):
            raise BadFault("times must be a whole number from 1, or -1 for until deleted")
        seconds = wish.get("seconds", DEFAULT_SECONDS.get(str(name), 0.0))
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds < 0:
            raise BadFault("seconds must be a number of zero or more")
        match = wish.get("match")
        if match is not None and not isinstance(match, str | dict):
            raise BadFault("match must be a text or an object")
        self._last_id += 1
        fault = Fault(
            id=self._last_id,
            gateway=str(gateway),
            operation=str(operation),
            fault=str(name),
            times=times,
            seconds=float(seconds),
            match=match,
        )
        self._faults.append(fault)
        return fault

    def take(self, *, gateway: str, operation: str, path: str, body: Any) -> Fault | None:
        """Return the fault that strikes now and use it up once, or None."""
        kinds = WEBHOOK_FAULTS if operation == WEBHOOK else CALL_FAULTS
        for fault in self._faults:
            if (
                fault.times != 0
                and fault.gateway == gateway
                and fault.operation in (operation, EVERY)
                and fault.fault in kinds
                and _matches(fault.match, path=path, body=body)
            ):
                if fault.times > 0:
                    fault.times -= 1
                return fault
        return None

    def shown(self) -> list[dict[str, Any]]:
        """Return all faults, those used up included, as the control API shows them."""
        return [fault.shown() for fault in self._faults]

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()


def _matches(match: str | dict[str, Any] | None, *, path: str, body: Any) -> bool:
    if match is None:
        return True
    if isinstance(match, dict):
        return isinstance(body, dict) and all(body.get(name) == value for name, value in match.items())
    return match in path or match in json.dumps(body, ensure_ascii=False)
