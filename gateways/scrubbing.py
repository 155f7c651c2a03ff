"""Blank what must never be stored or logged: named fields, and anything that looks like a card number."""

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

BLANK = "***"
_SECURITY_CODE = re.compile(
    r"\b((?:cvc2?|cvv2?|csc|security[ _-]?code)(?:\W{0,3}(?:is|code))?\W{0,5})[0-9]{3,4}(?![0-9])", re.IGNORECASE
)
# 13 to 19 digits, as ISO/IEC 7812 allows, however they are spaced.
_CARD_NUMBER = re.compile(r"(?<![0-9A-Za-z])[0-9](?:[ .\-]{0,2}[0-9]){12,18}(?![0-9A-Za-z])")


def scrub(value: Any, secret_fields: Collection[str]) -> Any:
    """Return a copy of a JSON value with secret fields blanked at any depth and card numbers masked in every text.

    Field names are compared without regard to case; a dotted name matches the key as the vendor spells it.
    """
    return _scrub(value, frozenset(name.casefold() for name in secret_fields))


def mask_numbers(text: str) -> str:
    """Return a text in which card numbers (13 to 19 digits that pass Luhn) show their last four digits only, and what
    is called a security code shows nothing.

    What PostgreSQL cannot store (NUL, lone surrogates) is dropped, or one such letter would stop all news behind it.
    """
    storable = text.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")
    return _CARD_NUMBER.sub(_masked, _SECURITY_CODE.sub(rf"\1{BLANK}", storable))


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


def _masked(found: re.Match[str]) -> str:
    digits = [int(character) for character in found.group() if character.isdigit()]
    doubled = [sum(divmod(digit * 2, 10)) if place % 2 else digit for place, digit in enumerate(reversed(digits))]
    if sum(doubled) % 10:
        return found.group()
    return BLANK + "".join(str(digit) for digit in digits[-4:])
