"""Blank what must never be stored or logged: named fields, and anything that looks like a card number."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from card_numbers import mask_card_numbers

BLANK = "***"


def scrub(value: Any, secret_fields: Collection[str]) -> Any:
    """Return a copy of a JSON value with secret fields blanked at any depth and card numbers masked in every text.

    Field names are compared without regard to case; a dotted name matches the key as the vendor spells it.
    """
    return _scrub(value, frozenset(name.casefold() for name in secret_fields))


def mask_numbers(text: str) -> str:
    """Return a vendor's text as it may be stored: card numbers and security codes masked.

    What PostgreSQL cannot store (NUL, lone surrogates) is dropped, or one such letter would stop all news behind it.
    """
    return mask_card_numbers(text.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8"))


def _scrub(value: Any, secret: frozenset[str]) -> Any:
    if isinstance(value, Mapping):
        return {
            mask_numbers(str(key)): BLANK
            if str(key).casefold() in secret and item not in (None, "")
            else _scrub(item, secret)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_scrub(item, secret) for item in value]
    if isinstance(value, (str, Decimal)):
        return mask_numbers(str(value))
    if isinstance(value, int) and not isinstance(value, bool) and mask_numbers(str(value)) != str(value):
        return mask_numbers(str(value))
    return value
