"""Keep secrets unreadable at rest: MultiFernet, so that keys can be rotated; found by a keyed fingerprint.

The library is imported where it is used: every process imports this module, and those that encrypt nothing need not
carry OpenSSL's 8 MiB.
"""

import hashlib
import hmac
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


def _fernet() -> "MultiFernet":
    return _fernet_of(tuple(settings.FIELD_ENCRYPTION_KEYS))


@lru_cache(maxsize=1)
def _fernet_of(keys: tuple[str, ...]) -> "MultiFernet":
    from cryptography.fernet import Fernet, MultiFernet

    return MultiFernet([Fernet(key) for key in keys])


def encrypt_text(text: str) -> bytes:
    """Return a text encrypted under the newest key."""
    return _fernet().encrypt(text.encode())


def decrypt_text(encrypted: bytes | memoryview) -> str:
    """Return the text of `encrypt_text`; any of the configured keys may have made it."""
    return _fernet().decrypt(bytes(encrypted)).decode()


def rotate(encrypted: bytes | memoryview) -> bytes:
    """Encrypt again under the newest key."""
    return _fernet().rotate(bytes(encrypted))


def is_under_newest_key(encrypted: bytes | memoryview) -> bool:
    """Say whether nothing would change by `rotate`."""
    from cryptography.fernet import Fernet, InvalidToken

    try:
        Fernet(settings.FIELD_ENCRYPTION_KEYS[0]).decrypt(bytes(encrypted))
    except InvalidToken:
        return False
    return True


def fingerprint(text: str) -> str:
    """Return a keyed digest by which an encrypted value can be found again."""
    return hmac.new(settings.FINGERPRINT_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()
