"""Slow down whoever guesses gift codes: a partner key may send a few that open nothing, and then none for a while."""

import time
from typing import Any

from django.conf import settings
from rest_framework.exceptions import Throttled

from api.throttling import TokenBuckets

guesses = TokenBuckets()


def refuse_guesser(key: Any) -> None:
    """Refuse to look at a code from a key that has sent too many wrong ones; counted in each web process.

    :raises Throttled: says when to ask again.
    """
    per_minute = settings.API["WRONG_GIFT_CODES_PER_MINUTE"]
    wait = guesses.wait(str(key.pk), per_minute=per_minute, clock=time.monotonic()) if per_minute else 0.0
    if wait > 0:
        raise Throttled(wait=wait)


def note_wrong_code(key: Any) -> None:
    """Count one more code that opened nothing."""
    per_minute = settings.API["WRONG_GIFT_CODES_PER_MINUTE"]
    if per_minute:
        guesses.take(str(key.pk), per_minute=per_minute, clock=time.monotonic())
