"""Whether a page that takes a card was signed by the merchant.

Source: Spreedly docs, "Using certificates for enhanced iFrame security", and its reference implementation: SHA-256
over nonce, timestamp and certificate token, signed with the certificate's private key, in base64. How old a signature
may be is not published; here it is a day, and a nonce serves once.
"""

import base64
import binascii
import time

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from gateways.sandbox.spreedly.accounts import Account
from gateways.sandbox.spreedly.books import NONCES, Books
from gateways.sandbox.spreedly.errors import ApiError
from gateways.sandbox.store import Document

OLDEST_SECONDS = 24 * 60 * 60
NAMES = ("nonce", "timestamp", "certificateToken", "signature")


def check_page(books: Books, account: Account, proof: Document) -> None:
    """See that a page was signed, where the environment takes only such pages.

    :raises ApiError: it was not.
    """
    if not account.signed_pages_only:
        return
    given = {name: str(proof.get(name) or "") for name in NAMES}
    pem = account.certificates.get(given["certificateToken"])
    if pem is None or not given["nonce"] or not _is_recent(given["timestamp"]):
        raise _not_signed()
    if books.store.get(NONCES, f"{account.environment_key} {given['nonce']}") is not None:
        raise _not_signed()
    text = f"{given['nonce']}{given['timestamp']}{given['certificateToken']}".encode()
    if not _is_signature(pem, text, given["signature"]):
        raise _not_signed()


def use_up(books: Books, account: Account, proof: Document) -> None:
    """Take a page's nonce for used: it got its token. A card that was mistyped uses up nothing."""
    if nonce := str(proof.get("nonce") or ""):
        books.store.put(NONCES, f"{account.environment_key} {nonce}", {"at": int(time.time())})


def public_key_of(certificate: str) -> str:
    """Return the public key of an uploaded certificate, in PEM.

    :raises ApiError: it is no certificate.
    """
    try:
        key = load_pem_x509_certificate(certificate.encode()).public_key()
    except ValueError:
        raise ApiError(422, "errors.invalid", "Pem is invalid", "pem") from None
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _is_recent(timestamp: str) -> bool:
    return timestamp.isascii() and timestamp.isdigit() and abs(time.time() - int(timestamp)) < OLDEST_SECONDS


def _is_signature(pem: str, text: bytes, signature: str) -> bool:
    try:
        key, given = load_pem_public_key(pem.encode()), base64.b64decode(signature, validate=True)
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(given, text, padding.PKCS1v15(), SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(given, text, ec.ECDSA(SHA256()))
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, binascii.Error):
        return False
    return True


def _not_signed() -> ApiError:
    return ApiError(422, "errors.invalid_signature", "The page is not signed, or was used before.")
