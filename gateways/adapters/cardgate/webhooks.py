"""What CardGate sends: proof that it is CardGate, and what an invoice in a callback says.

The signature is no HMAC: base64(sha1(secret + body + secret)) over the raw bytes, under the private key of the
invoice's mode. Source: the vendor's "Callbacks".
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateways.adapters.cardgate.news import news_of, note_of
from gateways.adapters.cardgate.wire import Invoice, invoice_of
from gateways.errors import InvalidSignature
from gateways.http import json_object
from gateways.protocol import Delivery, Outcome, OutcomeKind, Reference, Verified

# The only status that CardGate takes for a receipt.
_RECEIPT = 200
# All states of an invoice come under one id: these tell one callback from another, whatever else is written in it.
_IDENTITY = (
    "status",
    "updated",
    "resolution",
    "processed_amount",
    "refunded_amount",
    "charged_back_amount",
    "refunds",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Let in what is CardGate's and of this account's mode.

    `private_keys` are those of the mode alone; several while one is replaced, because a callback that is repeated keeps
    its signature.
    """

    is_test: bool
    private_keys: tuple[str, ...] = field(repr=False)

    def verify(self, delivery: Delivery) -> Verified:
        """Prove a delivery and name it.

        :raises InvalidSignature: says which proof failed, never what was sent.
        """
        given = delivery.headers.get("x-signature", "").strip()
        if not given or not given.isascii():
            raise InvalidSignature("cardgate: the signature is missing or unreadable")
        if not any(hmac.compare_digest(signature_of(delivery.body, key), given) for key in self.private_keys if key):
            raise InvalidSignature("cardgate: the signature is wrong")
        document = json_object(delivery.body)
        if document is None:
            raise InvalidSignature("cardgate: the body is no JSON object")
        invoice = invoice_of(document)
        if invoice is not None and invoice.is_test not in (None, self.is_test):
            raise InvalidSignature("cardgate: the delivery is from the other environment")
        return Verified(delivery_key=_key_of(invoice, document), status=_RECEIPT)


def read(delivery: Delivery) -> tuple[Outcome, ...]:
    """Translate a genuine delivery; what cannot be read is a note, for refusing it would stop the queue behind it."""
    invoice = invoice_of(json_object(delivery.body) or {})
    if invoice is None:
        digest = hashlib.sha256(delivery.body).hexdigest()[:32]
        return (
            Outcome(
                kind=OutcomeKind.NOTE,
                reference=Reference(),
                event_key=f"unreadable:{digest}",
                occurred_at=delivery.received_at,
                raw={"problem": "the callback holds no invoice"},
            ),
        )
    return news_of(invoice, delivery.received_at) or (note_of(invoice, delivery.received_at),)


def signature_of(body: bytes, private_key: str) -> str:
    """Return what a callback with this body is signed with."""
    key = private_key.encode()
    # Their choice of hash; the key on both sides of the body is what makes it hold.
    return base64.b64encode(hashlib.sha1(key + body + key).digest()).decode()  # noqa: S324


def _key_of(invoice: Invoice | None, document: Mapping[str, Any]) -> str:
    if invoice is None:
        return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()
    attributes = document["data"]["attributes"]
    identity = [invoice.id, *(attributes.get(name) for name in _IDENTITY)]
    return hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()
