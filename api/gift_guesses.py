"""Slow down whoever guesses gift codes: a partner key may send a few that open nothing, and then none for a while."""

from typing import Any

from django.conf import settings
from rest_framework.exceptions import Throttled

from api.throttling import counters


def refuse_guesser(key: Any) -> None:
    """Refuse to look at a code, right or wrong, from a key that has sent too many wrong ones.

    :raises Throttled: says when to ask again.
    """
    per_minute = settings.API["WRONG_GIFT_CODES_PER_MINUTE"]
    if per_minute:
        allowance = counters().look(_name_of(key), per_minute=per_minute)
        if not allowance.is_allowed:
            raise Throttled(wait=allowance.reset_seconds)


def note_wrong_code(key: Any) -> None:
    """Count one more code that opened nothing."""
    per_minute = settings.API["WRONG_GIFT_CODES_PER_MINUTE"]
    if per_minute:
        counters().take(_name_of(key), per_minute=per_minute)


def _name_of(key: Any) -> str:
    return f"gift-codes:{key.pk}"
