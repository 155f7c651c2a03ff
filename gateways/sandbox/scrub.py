"""Take card data out of what is kept, logged or shown."""

import re
from typing import Any

from gateways.sandbox.cards import passes_luhn

HIDDEN = "[hidden]"
CARD_FIELDS = frozenset(
    {
        "number",
        "cvc",
        "cvv",
        "verification_value",
        "expiryMonth",
        "expiryYear",
        "encryptedCard",
        "encryptedCardNumber",
        "encryptedExpiryMonth",
        "encryptedExpiryYear",
        "encryptedSecurityCode",
        "encryptedPassword",
    }
)
# Digits that may be a card number, however they are spaced: 12 to 19 of them.
_DIGITS = re.compile(r"(?<!\d)\d(?:[ .\-_/]?\d){11,18}(?!\d)")


def scrub(value: Any) -> Any:
    """Return a copy of a JSON value with card fields blanked and card numbers in free text masked."""
    if isinstance(value, dict):
        return {mask(key): HIDDEN if key in CARD_FIELDS else scrub(item) for key, item in value.items()}
    if isinstance(value, list):
        return [scrub(item) for item in value]
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, int) and not isinstance(value, bool) and _is_card_number(str(value)):
        return HIDDEN
    return value


def mask(text: str) -> str:
    """Return the text with everything that looks like a card number replaced."""
    return _DIGITS.sub(lambda found: HIDDEN if _is_card_number(found[0]) else found[0], text)


def _is_card_number(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return 12 <= len(digits) <= 19 and passes_luhn(digits)
