"""Keep whole JSON objects unreadable at rest, such as session data."""

import json
from collections.abc import Mapping
from typing import Any

from bookings.encryption import decrypt_text, encrypt_text


def encrypt_json(value: Mapping[str, Any]) -> bytes:
    """Return a JSON object encrypted under the newest key."""
    return encrypt_text(json.dumps(dict(value), separators=(",", ":")))


def decrypt_json(encrypted: bytes | memoryview) -> dict[str, Any]:
    """Return the object of `encrypt_json`."""
    value: dict[str, Any] = json.loads(decrypt_text(encrypted))
    return value
