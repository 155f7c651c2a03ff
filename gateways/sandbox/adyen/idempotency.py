"""Idempotency keys: the first answer is kept and given again, a twin of a request in progress is turned away.

Source: Adyen, "API idempotency".
"""

import hashlib
import json

from gateways.sandbox.adyen.books import KEYS
from gateways.sandbox.adyen.errors import already_in_progress, malformed
from gateways.sandbox.processor import Answer, Call
from gateways.sandbox.scrub import scrub
from gateways.sandbox.store import Store

LONGEST_KEY = 64
HEADER = "Idempotency-Key"


class IdempotencyKeys:
    """Finished answers by merchant account and key; those in progress are known to this process only."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_progress: set[str] = set()

    def begin(self, scope: str, key: str, call: Call) -> Answer | None:
        """Return the first answer to this key, or None and count the request as in progress.

        As at Adyen, the same key with another body is given the first answer; the request log then says `mismatch`,
        so that a test can insist that it never happens.

        :raises ApiError: 704, a request with this key is in progress; 702, the key is too long.
        """
        if len(key) > LONGEST_KEY:
            raise malformed(f"The idempotency key is longer than {LONGEST_KEY} characters")
        slot = _slot(scope, key)
        if slot in self._in_progress:
            raise already_in_progress()
        kept = self._store.get(KEYS, slot)
        if kept is None:
            self._in_progress.add(slot)
            return None
        notes = {"replayed": True, "mismatch": kept["fingerprint"] != _fingerprint(call)}
        return Answer(status=kept["status"], body=kept["body"], headers=kept["headers"], notes=notes)

    def keep(self, scope: str, key: str, call: Call, answer: Answer) -> Answer:
        """Keep an answer to be given again, if it is one that stands, and return it with the key echoed."""
        echoed = Answer(status=answer.status, body=answer.body, headers={**answer.headers, HEADER: key})
        if answer.status < 300 or answer.status == 422:
            self._store.put(
                KEYS,
                _slot(scope, key),
                {
                    "fingerprint": _fingerprint(call),
                    "status": echoed.status,
                    "body": echoed.body,
                    "headers": echoed.headers,
                },
            )
        return echoed

    def end(self, scope: str, key: str) -> None:
        """Count the request as no longer in progress."""
        self._in_progress.discard(_slot(scope, key))


def _slot(scope: str, key: str) -> str:
    return f"{scope}\n{key}"


def _fingerprint(call: Call) -> str:
    # Card data is blanked first: even a digest of it is not kept.
    text = json.dumps([call.method, call.path, scrub(call.json)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
