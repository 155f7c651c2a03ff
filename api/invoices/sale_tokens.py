"""The token with which one invoice may be sold without its guest: a JWT for an hour, signed and not stored.

Source: the vendor's samples, whose claims are `sid`, `expires` and `exp`.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils.crypto import salted_hmac

LIFETIME = timedelta(hours=1)
_HEADER = {"typ": "JWT", "alg": "HS256"}


def sale_token(*, sale_id: str, made_at: datetime) -> str:
    """Return the token of an invoice made at a moment; it is the same whenever it is asked for."""
    ends_at = int((made_at + LIFETIME).timestamp())
    signed = f"{_part(_HEADER)}.{_part({'sid': sale_id, 'expires': ends_at, 'exp': ends_at})}"
    return f"{signed}.{_signature(signed, settings.SECRET_KEY)}"


def sale_id_of(token: str, *, now: datetime) -> str | None:
    """Return what a token lets be sold; None when it is not signed by us, or its time is over."""
    signed, _, signature = token.rpartition(".")
    if not token.isascii():
        return None
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(hmac.compare_digest(_signature(signed, key), signature) for key in keys):
        return None
    try:
        claims = json.loads(_decoded(signed.partition(".")[2]))
    except (binascii.Error, ValueError):
        return None
    return str(claims["sid"]) if datetime.fromtimestamp(claims["exp"], UTC) > now else None


def _part(value: Mapping[str, object]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _signature(signed: str, secret: str) -> str:
    digest = salted_hmac("api.invoices.sale", signed, secret=secret, algorithm="sha256")
    return _encoded(digest.digest())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
