"""What Viva sends. It signs nothing, so that a delivery proves nothing: it names what to fetch, and is never believed.

The door looks only at the shape and at the merchant; what is read here has the references to ask by.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateways.adapters.viva.refusals import decline_of, text_of
from gateways.adapters.viva.transactions import (
    CAPTURES,
    CHARGES,
    HOLDS,
    REVERSALS,
    Told,
    code_of,
    kept,
    lowered,
    told_of,
    uuid_of,
    when,
)
from gateways.errors import InvalidSignature
from gateways.http import json_object
from gateways.protocol import Delivery, Outcome, OutcomeKind, Reference, Verified

_Kind = OutcomeKind
# EventTypeId. Source: Viva docs, "Webhooks for payments".
PAYMENT_CREATED, REVERSAL_CREATED, PAYMENT_FAILED = 1796, 1797, 1798
PRICE_CALCULATED, ORDER_UPDATED = 1799, 4865
_ABOUT_A_TRANSACTION = frozenset({PAYMENT_CREATED, REVERSAL_CREATED, PAYMENT_FAILED})


def verify(delivery: Delivery, merchant_id: str) -> Verified:
    """Let in what has the shape of a webhook of Viva's and is for this merchant; anybody could have sent it.

    :raises InvalidSignature: it is neither; says which, never what was sent.
    """
    message = json_object(delivery.body)
    if message is None:
        raise InvalidSignature("viva: the body is no JSON object")
    found = lowered(message)
    content, message_id = found.get("eventdata"), uuid_of(found.get("messageid"))
    if message_id is None or type(found.get("eventtypeid")) is not int or not isinstance(content, Mapping):
        raise InvalidSignature("viva: the body has not the shape of a webhook")
    named = (found.get("recipientid"), lowered(content).get("merchantid", merchant_id))
    if any(not isinstance(name, str) or name.lower() != merchant_id.lower() for name in named):
        raise InvalidSignature("viva: the delivery is for another merchant")
    return Verified(
        delivery_key=message_id, acknowledgement=json.dumps({}), content_type="application/json", status=200
    )


def read(delivery: Delivery) -> tuple[Outcome, ...]:
    """Read what a delivery speaks of; what cannot be read is a note, for refusing it would bring it again for a day."""
    found = lowered(json_object(delivery.body))
    event, said = found.get("eventtypeid"), found.get("eventdata")
    content: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
    fields = lowered(content)
    happened_at = min(when(found.get("created")) or delivery.received_at, delivery.received_at)
    if event in _ABOUT_A_TRANSACTION:
        told = told_of(content)
        if told is not None:
            return (_about(told, event, happened_at),)
    code = code_of(fields.get("ordercode"))
    if event == ORDER_UPDATED and fields.get("iscancelled") is True and code is not None:
        return (_note(found, content, happened_at, kind=_Kind.EXPIRED, key=order_key(code, "cancelled")),)
    if event == PRICE_CALCULATED and (priced := uuid_of(fields.get("transactionid"))) is not None:
        return (_note(found, content, happened_at, kind=_Kind.NOTE, key=f"{priced}:fee"),)
    return (_note(found, content, happened_at, kind=_Kind.NOTE, key=f"event:{event}:{found.get('messageid')}"[:160]),)


def order_key(order_code: str, ending: str) -> str:
    """Return the key under which a webhook and a poll meet that say how an order ended."""
    return f"order:{order_code}:{ending}"


def _about(told: Told, event: object, happened_at: datetime) -> Outcome:
    """Say what a transaction seems to be, under the key that Viva's answer about it will have."""
    is_failed = event == PAYMENT_FAILED
    if told.type_id in REVERSALS:
        kind = _Kind.REFUND_FAILED if is_failed else _Kind.REFUNDED
    elif told.type_id in CAPTURES:
        kind = _Kind.CAPTURE_FAILED if is_failed else _Kind.CAPTURED
    elif is_failed:
        kind = _Kind.DECLINED
    elif told.type_id in HOLDS:
        kind = _Kind.AUTHORIZED
    else:
        kind = _Kind.CAPTURED if told.type_id in CHARGES else _Kind.PENDING
    # A charge of a kept card names the payment that the card was kept with; it is a payment of its own all the same.
    payment = told.id if told.is_attempt else told.parent
    return Outcome(
        kind=kind,
        reference=Reference(ours=told.ours, gateway=told.id, payment=payment, opening=told.order_code),
        event_key=told.id,
        occurred_at=min(told.at or happened_at, happened_at),
        money=told.money,
        decline=decline_of(told.event_id) if is_failed else None,
        raw=told.raw,
    )


def _note(
    found: Mapping[str, Any], content: Mapping[str, Any], happened_at: datetime, *, kind: OutcomeKind, key: str
) -> Outcome:
    fields = lowered(content)
    return Outcome(
        kind=kind,
        reference=Reference(
            ours=text_of(fields.get("merchanttrns")) or None,
            gateway=uuid_of(fields.get("transactionid")),
            opening=code_of(fields.get("ordercode")),
        ),
        event_key=key,
        occurred_at=happened_at,
        raw={**kept(content), **kept({"eventTypeId": found.get("eventtypeid"), "messageId": found.get("messageid")})},
    )
