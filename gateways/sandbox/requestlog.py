"""What the processors' APIs were asked, newest last, without card data; for tests that count and compare requests."""

import time
from collections import deque
from typing import Any

from gateways.sandbox.scrub import mask, scrub

LIMIT = 20_000


class RequestLog:
    """The last requests; older ones fall off the end."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=LIMIT)
        self._seq = 0

    def add(
        self,
        *,
        gateway: str,
        operation: str,
        method: str,
        path: str,
        query: str,
        body: Any,
        idempotency_key: str | None,
    ) -> dict[str, Any]:
        """Note a request as it comes in and return its entry; the status is filled in when it is answered."""
        self._seq += 1
        entry: dict[str, Any] = {
            "seq": self._seq,
            "at": round(time.time(), 3),
            "gateway": gateway,
            "operation": operation,
            "method": method,
            "path": mask(path),
            "query": mask(query),
            "body": scrub(body),
            "idempotency_key": None if idempotency_key is None else mask(idempotency_key),
            "status": None,
        }
        self._entries.append(entry)
        return entry

    def entries(self, gateway: str | None = None) -> list[dict[str, Any]]:
        """Return the noted requests, oldest first."""
        return [entry for entry in self._entries if gateway in (None, entry["gateway"])]

    def clear(self) -> None:
        """Forget the requests; the numbering goes on."""
        self._entries.clear()
