"""What proves to Spreedly that a page which takes a card is ours: a signature for each payment session.

Spreedly's pages contradict each other. The one on Express speaks of an HMAC; the step-by-step guide to certificates,
Spreedly's reference implementation for it (five languages) and its own sample shop sign with the private key of the
uploaded certificate, which is what a certificate is for. So: base64 of the signature (PKCS #1 v1.5 where the key is
RSA's, SHA-256) over nonce, timestamp in seconds and certificate token, joined without a separator.
"""

import base64
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Union
from uuid import uuid4

# The library is imported where a key is read or used: who only reads a report need not carry OpenSSL's 8 MiB.
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

SigningKey = Union["rsa.RSAPrivateKey", "ec.EllipticCurvePrivateKey"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Be a certificate as Spreedly named it when it was uploaded, with the key that it belongs to."""

    token: str
    key: SigningKey = field(repr=False)

    def signed(self, now: datetime) -> dict[str, Any]:
        """Return what a page is initialized with once; each call gives another nonce."""
        nonce, timestamp = str(uuid4()), str(int(now.timestamp()))
        signature = _sign(self.key, f"{nonce}{timestamp}{self.token}".encode())
        return {
            "nonce": nonce,
            "timestamp": timestamp,
            "certificateToken": self.token,
            "signature": base64.b64encode(signature).decode(),
        }


UNSIGNED: dict[str, Any] = dict.fromkeys(("nonce", "timestamp", "certificateToken", "signature"))


# Reading an RSA key proves its numbers, which takes longer than everything else about an account together.
@lru_cache(maxsize=16)
def read_key(pem: str) -> SigningKey | None:
    """Read a private key as it stands in an environment variable, its line ends written as backslash and n or not;
    None when it is none.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) else None


def _sign(key: SigningKey, text: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256

    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(text, padding.PKCS1v15(), SHA256())
    return key.sign(text, ec.ECDSA(SHA256()))
