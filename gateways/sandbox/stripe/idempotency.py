"""Idempotency keys: the first answer of a request that was carried out is given again, whatever it was.

Source: Stripe docs, "Idempotent requests": parameters are compared, and what failed validation is not kept.
"""

import hashlib
import json

from gateways.sandbox.processor import Answer, Call
from gateways.sandbox.scrub import scrub
from gateways.sandbox.store import Store
from gateways.sandbox.stripe.errors import key_in_use, malformed, other_parameters

KEYS = "stripe.idempotency"
LONGEST_KEY = 255
HEADER = "Idempotency-Key"


class IdempotencyKeys:
    """Finished answers by account and key; those in progress are known to this process only."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_progress: set[str] = set()

    def begin(self, account: str, key: str, call: Call) -> Answer | None:
        """Return the first answer to this key, or None and count the request as in progress.

        :raises ApiError: the key is in use, was used with other parameters, or is too long.
        """
        if len(key) > LONGEST_KEY:
            raise malformed(f"Idempotency keys may be no longer than {LONGEST_KEY} characters.")
        slot = _slot(account, key)
        if slot in self._in_progress:
            raise key_in_use()
        kept = self._store.get(KEYS, slot)
        if kept is None:
            self._in_progress.add(slot)
            return None
        if kept["fingerprint"] != _fingerprint(call):
            raise other_parameters()
        headers = {**kept["headers"], "Idempotent-Replayed": "true"}
        return Answer(status=kept["status"], body=kept["body"], headers=headers, notes={"replayed": True})

    def keep(self, account: str, key: str, call: Call, answer: Answer) -> None:
        """Keep an answer to be given again."""
        self._store.put(
            KEYS,
            _slot(account, key),
            {
                "fingerprint": _fingerprint(call),
                "status": answer.status,
                "body": answer.body,
                "headers": answer.headers,
            },
        )

    def end(self, account: str, key: str) -> None:
        """Count the request as no longer in progress."""
        self._in_progress.discard(_slot(account, key))


def _slot(account: str, key: str) -> str:
    return f"{account}\n{key}"


def _fingerprint(call: Call) -> str:
    # Card data is blanked first: even a digest of it is not kept.
    text = json.dumps([call.method, call.path, scrub(call.json)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
