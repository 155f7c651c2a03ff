"""The token with which the Cardgate host lets one invoice be sold: a JWT for an hour.

Source: the vendor's samples, whose claims are `sid`, `expires` and `exp`. They are signed by the vendor in its own way;
here by the account's private key.
"""

import base64
import binascii
import hashlib
import hmac
import json

from gateways.sandbox.store import Document

LIVES_SECONDS = 3600


def sale_token(invoice: Document, private_key: str) -> str:
    """Return the token of an invoice; it is the same whenever it is asked for."""
    ends_at = invoice["created"] + LIVES_SECONDS
    claims = {"sid": invoice["sid"], "expires": ends_at, "exp": ends_at}
    head = f"{_part({'typ': 'JWT', 'alg': 'HS256'})}.{_part(claims)}"
    return f"{head}.{_signature(head, private_key)}"


def sid_of(token: str, private_key: str, now: float) -> str | None:
    """Return whose token this is, or None when it is not signed with this key or its time is over."""
    head, _, signature = token.rpartition(".")
    if not token.isascii() or not hmac.compare_digest(_signature(head, private_key), signature):
        return None
    try:
        claims = json.loads(_decoded(head.partition(".")[2]))
    except (binascii.Error, ValueError):
        return None
    return str(claims["sid"]) if claims["exp"] > now else None


def _part(value: Document) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _signature(head: str, private_key: str) -> str:
    return _encoded(hmac.new(private_key.encode(), head.encode(), hashlib.sha256).digest())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
