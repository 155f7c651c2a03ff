"""Standard webhook items and their signature.

Source: Adyen, "Webhook structure" and "Verify HMAC signatures". The signature covers eight fields joined with colons,
without any escaping.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Any

from gateways.sandbox.store import Document

# Of a spoiled item: the key that its envelope is signed with. It is never sent.
SIGNED_WITH = "signedWith"


def signed_text(item: Document) -> str:
    """Return the text that the signature of an item is made over; what is absent or null counts as empty."""
    amount = item.get("amount") or {}
    values = [
        item.get("pspReference"),
        item.get("originalReference"),
        item.get("merchantAccountCode"),
        item.get("merchantReference"),
        amount.get("value"),
        amount.get("currency"),
        item.get("eventCode"),
        item.get("success"),
    ]
    return ":".join("" if value is None else str(value) for value in values)


def signature(item: Document, hmac_key: str) -> str:
    """Return the Base64 of HMAC-SHA256 under the key, which is given in hexadecimal."""
    return payload_signature(signed_text(item).encode(), hmac_key)


def payload_signature(payload: bytes, hmac_key: str) -> str:
    """Return the signature of raw bytes, as newer webhooks carry it in the header `hmacsignature`."""
    return base64.b64encode(hmac.new(binascii.unhexlify(hmac_key), payload, hashlib.sha256).digest()).decode()


def with_signature(item: Document, hmac_key: str) -> Document:
    """Return a copy of the item that carries its signature."""
    bare = {name: value for name, value in (item.get("additionalData") or {}).items() if name != "hmacSignature"}
    return {**item, "additionalData": {**bare, "hmacSignature": signature(item, hmac_key)}}


def spoiled(item: Document, hmac_key: str, fault: str) -> Document:
    """Return the item with a signature under another key, or rightly signed over a wrong amount or currency."""
    other_key = hashlib.sha256(b"not the key" + hmac_key.encode()).hexdigest()
    if is_signed_as_a_whole(item):
        return {**item, SIGNED_WITH: other_key}
    amount = dict(item["amount"])
    if fault == "wrong_amount":
        amount["value"] += 100
        return with_signature({**item, "amount": amount}, hmac_key)
    if fault == "wrong_currency":
        amount["currency"] = "USD" if amount["currency"] != "USD" else "EUR"
        return with_signature({**item, "amount": amount}, hmac_key)
    return with_signature(item, other_key)


def authorisation(payment: Document) -> Document:
    """Build the AUTHORISATION item of one attempt."""
    card, is_authorized = payment["card"], payment["resultCode"] == "Authorised"
    extra: dict[str, Any] = {
        "cardSummary": card["last4"],
        "expiryDate": f"{card['expiryMonth']}/{card['expiryYear']}",
        "paymentMethodVariant": payment["variant"],
        "shopperInteraction": payment["shopperInteraction"],
        "refusalReasonRaw": payment["refusalReasonRaw"],
        "merchantReference": payment["merchantReference"],
        **{f"metadata.{name}": value for name, value in payment["metadata"].items()},
    }
    if payment["sessionId"]:
        extra["checkoutSessionId"] = payment["sessionId"]
    if payment["shopperReference"]:
        extra["shopperReference"] = payment["shopperReference"]
    if payment["authentication"] == "passed":
        extra.update({"threeDAuthenticated": "true", "threeDSVersion": "2.2.0", "liabilityShift": "true"})
    item = {
        "eventCode": "AUTHORISATION",
        "pspReference": payment["pspReference"],
        "merchantAccountCode": payment["merchantAccount"],
        "merchantReference": payment["merchantReference"],
        "amount": dict(payment["authorizedAmount"] or payment["amount"]),
        "success": "true" if is_authorized else "false",
        "paymentMethod": card["brand"],
        "additionalData": extra,
    }
    if is_authorized:
        extra["authCode"] = payment["authCode"]
        extra.update(payment["tokenization"])
        item["reason"] = f"{payment['authCode']}:{card['last4']}:{card['expiryMonth']}/{card['expiryYear']}"
        item["operations"] = ["REFUND"] if payment["capturesAtOnce"] else ["CANCEL", "CAPTURE", "REFUND"]
    else:
        item["reason"] = payment["refusalReason"] or "Refused"
    return item


def modification(
    payment: Document,
    *,
    event: str,
    psp_reference: str,
    amount: Document,
    success: bool,
    reason: str = "",
    extra: Document | None = None,
) -> Document:
    """Build the item of a capture, cancel, refund, reversal, adjustment or dispute of a payment."""
    return {
        "eventCode": event,
        "pspReference": psp_reference,
        "originalReference": payment["pspReference"],
        "merchantAccountCode": payment["merchantAccount"],
        "merchantReference": payment["merchantReference"],
        "amount": dict(amount),
        "success": "true" if success else "false",
        "reason": reason,
        "paymentMethod": payment["card"]["brand"],
        "additionalData": {"paymentMethodVariant": payment["variant"], **(extra or {})},
    }


def token_event(token: Document, *, event: str, event_id: str, at: str, live: bool) -> Document:
    """Build a webhook of the life of a token: `created`, `updated`, `alreadyExisting` or `disabled`.

    It is signed as a whole, in a header. Source: Adyen, "Recurring tokens life cycle events", version 1.
    """
    content: dict[str, Any] = {
        "merchantAccount": token["merchantAccount"],
        "shopperReference": token["shopperReference"],
        "storedPaymentMethodId": token["id"],
        "type": f"{token['brand']}standardcredit",
    }
    if event != "disabled":
        content["operation"] = event
    return {
        "createdAt": at,
        "eventId": event_id,
        "environment": "live" if live else "test",
        "type": f"recurring.token.{event}",
        "version": "1",
        "data": content,
    }


def is_signed_as_a_whole(item: Document) -> bool:
    """Say whether a webhook carries its signature in a header over its body."""
    return "eventCode" not in item and str(item.get("type", "")).startswith("recurring.token.")
