"""Callbacks: what is in one, how it is signed, and its two spellings.

Source: Spreedly docs, "Signed requests": the named fields' values in that order, joined by bars, HMAC with SHA-1.
"""

import hashlib
import hmac
import json
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from gateways.sandbox.store import Document

SIGNED = (
    "amount callback_url created_at currency_code ip on_test_gateway order_id state succeeded token transaction_type "
    "updated_at"
)
_TOLD = """
amount on_test_gateway created_at updated_at currency_code succeeded state token transaction_type order_id ip
description message message_key required_action gateway_token gateway_transaction_id callback_url redirect_url
callback_format
"""
# How it is sent, which is no part of what is sent.
_FORMAT = "callback_format"


def item_of(transaction: Document) -> Document:
    """Return what a callback says of a transaction; who owns the card is left to those who look."""
    return {name: transaction.get(name) for name in _TOLD.split()}


def signed(item: Document, secret: str) -> Document:
    """Return the item with its signature."""
    text = "|".join(_signed_value(item.get(name)) for name in SIGNED.split())
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha1).hexdigest()
    return {**item, "signed": {"signature": signature, "fields": SIGNED, "algorithm": "sha1"}}


def spoiled(item: Document, secret: str, fault: str) -> Document:
    """Return the item wrongly signed, or rightly signed over a wrong figure."""
    match fault:
        case "wrong_amount":
            return signed({**item, "amount": item["amount"] + 100}, secret)
        case "wrong_currency":
            return signed({**item, "currency_code": "EUR" if item["currency_code"] == "USD" else "USD"}, secret)
        case _:
            return signed(item, f"{secret} no more")


def rendered(item: Document) -> tuple[bytes, str]:
    """Return a callback's body and content type: XML unless the charge asked for JSON."""
    told = {name: value for name, value in item.items() if name != _FORMAT}
    if item.get(_FORMAT) == "json":
        body = json.dumps({"transactions": [told]}, ensure_ascii=False, separators=(",", ":"))
        return body.encode(), "application/json; charset=utf-8"
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<transactions>{_element("transaction", told)}</transactions>\n'
    return text.encode(), "application/xml; charset=utf-8"


def _signed_value(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _element(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return f"<{name}>{''.join(_element(each, inner) for each, inner in value.items())}</{name}>"
    if value is None:
        return f'<{name} nil="true"></{name}>'
    kind = "boolean" if isinstance(value, bool) else "integer" if isinstance(value, int) else ""
    text = str(value).lower() if kind == "boolean" else escape(str(value))
    return f"<{name}{f' type={quoteattr(kind)}' if kind else ''}>{text}</{name}>"
