"""What Stripe sends: proof that it is Stripe, and what each event means.

The whole body is signed, so whatever an event says is believed. Events come in any order and more than once, and two of
them may tell one fact: a fact has one source here, the object that tells it best.

| fact | told by | also told by, and only noted |
| a bank said yes | the charge, which has the card | `payment_intent.amount_capturable_updated` |
| the money was taken | the intent, which has our reference of the capture | `charge.captured` |
| a hold was released | the intent | `charge.expired`, `charge.refunded` |
| money was given back | the refund itself | `charge.refunded`, which tells a total |
| an attempt was refused | the intent (it may have made no charge) and the charge, under one key | |
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

import structlog

from gateways.adapters.stripe import news
from gateways.adapters.stripe.calls import API_VERSION
from gateways.adapters.stripe.refusals import text_of
from gateways.adapters.stripe.wire import INTENT, id_of, kept, stored_card_of, when
from gateways.errors import AnswerLost, InvalidSignature
from gateways.http import json_object
from gateways.protocol import Card, Delivery, Outcome, OutcomeKind, Reference, Verified

log = structlog.get_logger(__name__)

# How far a signature's time may be from ours, before and behind. Source: Stripe docs, "Verify webhook signatures"; the
# library looks at the past only.
TOLERANCE_SECONDS = 300
_EVENT_ID = re.compile(r"evt_[A-Za-z0-9_]{1,100}")
_SIGNED_AT = re.compile(r"(?:^|,)t=([0-9]{1,12})(?=,|$)")
_LONGEST_HEADER = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Let in what is Stripe's and meant for this account.

    There may be several secrets, because a rolled one is good for a day beside the new one.
    """

    is_live: bool
    secrets: tuple[str, ...] = field(repr=False)

    def verify(self, delivery: Delivery) -> Verified:
        """Prove a delivery and name it.

        :raises InvalidSignature: says which proof failed, never what was sent.
        """
        header = delivery.headers.get("stripe-signature", "")
        signed_at = _SIGNED_AT.search(header) if header.isascii() and len(header) <= _LONGEST_HEADER else None
        if signed_at is None:
            raise InvalidSignature("stripe: the signature is missing or cannot be read")
        if not any(_is_signed(delivery.body, header, secret) for secret in self.secrets):
            raise InvalidSignature("stripe: the signature is wrong")
        if abs(delivery.received_at.timestamp() - int(signed_at[1])) > TOLERANCE_SECONDS:
            raise InvalidSignature("stripe: the signature is too old, or from the future")
        event = json_object(delivery.body) or {}
        event_id = event.get("id")
        if event.get("object") != "event" or not isinstance(event_id, str) or not _EVENT_ID.fullmatch(event_id):
            raise InvalidSignature("stripe: the body is no event")
        if event.get("livemode") is not self.is_live:
            raise InvalidSignature("stripe: the event is from the other environment")
        if event.get("account"):
            raise InvalidSignature("stripe: the event is of a connected account, and we have none")
        return Verified(delivery_key=event_id, status=200)


def read(delivery: Delivery) -> tuple[Outcome, ...]:
    """Translate a genuine delivery; what cannot be read is a note, for refusing it would bring it again for days."""
    event = json_object(delivery.body) or {}
    told = _Told(event, delivery)
    if event.get("api_version") != API_VERSION:
        log.warning("stripe_event_of_another_version", version=text_of(event.get("api_version"))[:40])
    reader = READERS.get(told.type, _noted)
    try:
        return reader(told)
    except AnswerLost:
        return _noted(told)


class _Told:
    """Be one event: its type, its object and when it happened."""

    def __init__(self, event: Mapping[str, Any], delivery: Delivery) -> None:
        self.type = text_of(event.get("type"))[:80]
        self.id = text_of(event.get("id"))[:110]
        content = event.get("data")
        data: Mapping[str, Any] = content if isinstance(content, Mapping) else {}
        thing, before = data.get("object"), data.get("previous_attributes")
        self.thing: Mapping[str, Any] = thing if isinstance(thing, Mapping) else {}
        self.before: Mapping[str, Any] = before if isinstance(before, Mapping) else {}
        # A clock that runs ahead must not make its word the last one for good.
        self.at: datetime = min(when(event.get("created")) or delivery.received_at, delivery.received_at)

    @property
    def key(self) -> str:
        """Return the name of this very telling, for what has no name of its own."""
        return f"{self.type}:{self.id}"[:160]


_Reader = Callable[[_Told], tuple[Outcome, ...]]


def _noted(told: _Told) -> tuple[Outcome, ...]:
    thing = told.thing
    intent = id_of(thing.get("payment_intent")) or (id_of(thing) if thing.get("object") == "payment_intent" else None)
    is_card = thing.get("object") == "payment_method"
    raw = {"event": told.id, "type": told.type, "object": kept({} if is_card else thing)}
    # Without a name of its own a note goes where its payment is, and waits for none.
    reference = Reference(payment=intent, opening=intent) if intent and INTENT.fullmatch(intent) else Reference()
    return (Outcome(kind=OutcomeKind.NOTE, reference=reference, event_key=told.key, occurred_at=told.at, raw=raw),)


def _report(told: _Told) -> tuple[Outcome, ...]:
    name = text_of(id_of(told.thing))[:120]
    return (
        Outcome(
            kind=OutcomeKind.REPORT_AVAILABLE,
            reference=Reference(gateway=name or None),
            event_key=told.key,
            occurred_at=told.at,
            raw={"event": told.id, "type": told.type, "object": kept(told.thing)},
        ),
    )


def _charge_succeeded(told: _Told) -> tuple[Outcome, ...]:
    if told.thing.get("status") != "succeeded":
        return _noted(told)
    return (news.authorized(told.thing, at=told.at),)


def _charge_failed(told: _Told) -> tuple[Outcome, ...]:
    return (news.declined(told.thing, at=told.at),)


def _succeeded(told: _Told) -> tuple[Outcome, ...]:
    return (news.captured(told.thing, at=told.at),)


def _failed(told: _Told) -> tuple[Outcome, ...]:
    return (news.declined_of_intent(told.thing, at=told.at),)


def _processing(told: _Told) -> tuple[Outcome, ...]:
    return (news.pending(told.thing, at=told.at),)


def _canceled(told: _Told) -> tuple[Outcome, ...]:
    say = news.voided if news.was_held(told.thing) else news.expired
    return (say(told.thing, at=told.at),)


def _refund(told: _Told) -> tuple[Outcome, ...]:
    return (news.news_of_refund(told.thing, at=told.at, ours=None, payment=None, may_wait=False),)


def _dispute_created(told: _Told) -> tuple[Outcome, ...]:
    return (news.dispute_opened(told.thing, at=told.at),)


def _funds_withdrawn(told: _Told) -> tuple[Outcome, ...]:
    return (news.chargeback(told.thing, at=told.at),)


def _funds_reinstated(told: _Told) -> tuple[Outcome, ...]:
    return (news.chargeback_reversed(told.thing, at=told.at),)


def _dispute_closed(told: _Told) -> tuple[Outcome, ...]:
    if news.has_ended_for_nothing(told.thing):
        return (news.dispute_ended(told.thing, at=told.at),)
    return _dispute_noted(told)


def _dispute_noted(told: _Told) -> tuple[Outcome, ...]:
    return (news.dispute_noted(told.thing, key=told.key, at=told.at),)


def _card_renewed(told: _Told) -> tuple[Outcome, ...]:
    return _card_news(told, OutcomeKind.CARD_STORED, stored_card_of(told.thing, customer=told.thing.get("customer")))


def _card_gone(told: _Told) -> tuple[Outcome, ...]:
    return _card_news(told, OutcomeKind.CARD_REVOKED, stored_card_of(told.thing, customer=told.before.get("customer")))


def _card_news(told: _Told, kind: OutcomeKind, card: Card | None) -> tuple[Outcome, ...]:
    if card is None:
        return _noted(told)
    raw = {"event": told.id, "type": told.type}
    return (Outcome(kind=kind, reference=Reference(), event_key=told.key, occurred_at=told.at, card=card, raw=raw),)


# Event type -> what it means; every other type, known or new, is a NOTE. Source: Stripe docs, "Types of events".
READERS: Mapping[str, _Reader] = MappingProxyType(
    {
        "charge.succeeded": _charge_succeeded,
        "charge.failed": _charge_failed,
        "payment_intent.succeeded": _succeeded,
        "payment_intent.payment_failed": _failed,
        "payment_intent.processing": _processing,
        "payment_intent.canceled": _canceled,
        "refund.created": _refund,
        "refund.updated": _refund,
        "refund.failed": _refund,
        # The older twin of `refund.updated`.
        "charge.refund.updated": _refund,
        "charge.dispute.created": _dispute_created,
        "charge.dispute.funds_withdrawn": _funds_withdrawn,
        "charge.dispute.funds_reinstated": _funds_reinstated,
        "charge.dispute.updated": _dispute_noted,
        "charge.dispute.closed": _dispute_closed,
        "payment_method.automatically_updated": _card_renewed,
        "payment_method.detached": _card_gone,
        "payout.reconciliation_completed": _report,
        # We ask for the reports we want, and look after them.
        "reporting.report_run.succeeded": _noted,
    }
)


def _is_signed(body: bytes, header: str, secret: str) -> bool:
    """Ask the library, which raises on whatever it did not expect: only a plain True is a proof.

    A body that is no UTF-8 raises UnicodeDecodeError there. How old the signature is, is asked of the delivery's time.
    """
    # Here, for the reason that `calls` gives.
    from stripe import SignatureVerificationError, WebhookSignature

    try:
        return WebhookSignature.verify_header(body, header, secret, tolerance=None) is True
    except (SignatureVerificationError, ValueError, TypeError):
        return False
