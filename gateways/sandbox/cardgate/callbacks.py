"""Callbacks: the invoice's document, signed over the whole body.

Source: the vendor's "Callbacks": base64(sha1(private key + body + private key)).
"""

import base64
import hashlib

from gateways.sandbox.cardgate.accounts import Account
from gateways.sandbox.cardgate.documents import document_of, encode
from gateways.sandbox.processor import Dispatch
from gateways.sandbox.store import Document

# Of a spoiled item: the key that its body is signed with. It is never sent.
SIGNED_WITH = "signed_with"
ACCEPTED = 200


def signature(body: bytes, private_key: str) -> str:
    """Return what a body is signed with."""
    key = private_key.encode()
    return base64.b64encode(hashlib.sha1(key + body + key).digest()).decode()  # noqa: S324, the vendor's choice


def dispatch(item: Document, account: Account) -> Dispatch | None:
    """Address and sign an invoice as it was; its own address wins over the account's."""
    url = item["callback_url"] or account.webhook_url
    if not url:
        return None
    body = encode(document_of(item, account.private_key)).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "CardGate sandbox",
        "X-Signature": signature(body, item.get(SIGNED_WITH, account.private_key)),
    }
    return Dispatch(url=url, headers=headers, body=body, accepted=ACCEPTED)


def spoiled(item: Document, account: Account, fault: str) -> Document:
    """Return the invoice wrongly signed, or rightly signed with a wrong amount or currency."""
    if fault == "wrongly_signed":
        return {**item, SIGNED_WITH: hashlib.sha256(b"not the key" + account.private_key.encode()).hexdigest()}
    if fault == "wrong_currency":
        return {**item, "currency": "USD" if item["currency"] != "USD" else "EUR"}
    if item["processed_amount"] is None:
        return {**item, "amount": item["amount"] + 100}
    return {**item, "processed_amount": item["processed_amount"] + 100}
