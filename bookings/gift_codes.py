"""The code of a gift: worth money to whoever knows it, so encrypted at rest and found by a keyed fingerprint."""

import re

from bookings.encryption import decrypt_text, encrypt_text, fingerprint
from bookings.models import Gift

LONGEST_CODE = 60
_SHOWN = 4
_BETWEEN = re.compile(r"[\s\-\u2010-\u2015]+")


def set_code(gift: Gift, code: str) -> None:
    """Give a gift its code; the caller saves it."""
    gift.code_encrypted = encrypt_text(code)
    gift.code_fingerprint = fingerprint_of_code(code)
    gift.code_suffix = code[-_SHOWN:]


def code_of(gift: Gift) -> str | None:
    """Return the code as it is printed; None until the gift is confirmed. It may go to the holder alone."""
    return None if gift.code_encrypted is None else decrypt_text(gift.code_encrypted)


def masked_code(gift: Gift) -> str:
    """Return what may be shown where the code is not meant to be used from."""
    return f"****-{gift.code_suffix}"


def fingerprint_of_code(text: str) -> str:
    """Return by which a code is found, however people write it: in small letters, with blanks or without dashes."""
    return fingerprint("gift_code\n" + _BETWEEN.sub("", text).upper())
