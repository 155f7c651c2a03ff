"""What Adyen sends: proof that it is Adyen, and what each event means.

Only eight fields of an item are signed: pspReference, originalReference, merchantAccountCode, merchantReference, the
amount's value and currency, eventCode and success. Whether money moved, how much and for which payment is read from
these alone. The time of an event orders it among its kind; its reason, the card and the rest of `additionalData` are
for people. The two exceptions say why where they are made: a reversal's kind here, a stored card's token in
`wire.card_of`.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from gateways.adapters.adyen.refusals import decline_of, text_of
from gateways.adapters.adyen.wire import TOKEN, card_of, event_key, kept, money_of, when
from gateways.errors import InvalidSignature
from gateways.http import json_object
from gateways.protocol import Card, Delivery, DisputeNews, Outcome, OutcomeKind, Reference, Verified

_Kind = OutcomeKind
# eventCode -> what it means when success is true, and when it is false. For what already is bad news, "true" says that
# it really happened. Every other code, known or new, is a NOTE. Source: Adyen docs, "Webhook types".
EVENTS: Mapping[str, tuple[OutcomeKind, OutcomeKind]] = MappingProxyType(
    {
        "AUTHORISATION": (_Kind.AUTHORIZED, _Kind.DECLINED),
        "CAPTURE": (_Kind.CAPTURED, _Kind.CAPTURE_FAILED),
        "CAPTURE_FAILED": (_Kind.CAPTURE_FAILED, _Kind.NOTE),
        "CANCELLATION": (_Kind.VOIDED, _Kind.VOID_FAILED),
        "TECHNICAL_CANCEL": (_Kind.VOIDED, _Kind.VOID_FAILED),
        "EXPIRE": (_Kind.VOIDED, _Kind.NOTE),
        "OFFER_CLOSED": (_Kind.EXPIRED, _Kind.NOTE),
        "REFUND": (_Kind.REFUNDED, _Kind.REFUND_FAILED),
        "REFUND_WITH_DATA": (_Kind.REFUNDED, _Kind.REFUND_FAILED),
        "POSTPONED_REFUND": (_Kind.PENDING, _Kind.REFUND_FAILED),
        "REFUND_FAILED": (_Kind.REFUND_FAILED, _Kind.NOTE),
        "REFUNDED_REVERSED": (_Kind.REFUND_REVERSED, _Kind.NOTE),
        "NOTIFICATION_OF_CHARGEBACK": (_Kind.DISPUTE_OPENED, _Kind.NOTE),
        "CHARGEBACK": (_Kind.CHARGEBACK, _Kind.NOTE),
        "SECOND_CHARGEBACK": (_Kind.CHARGEBACK, _Kind.NOTE),
        "CHARGEBACK_REVERSED": (_Kind.CHARGEBACK_REVERSED, _Kind.NOTE),
        "REPORT_AVAILABLE": (_Kind.REPORT_AVAILABLE, _Kind.NOTE),
        "RECURRING_CONTRACT": (_Kind.CARD_STORED, _Kind.NOTE),
    }
)
# No money moves with these, and yet staff want to see them on the dispute.
_DISPUTE_PROGRESS = """
REQUEST_FOR_INFORMATION NOTIFICATION_OF_FRAUD INFORMATION_SUPPLIED ISSUER_COMMENTS ISSUER_RESPONSE_TIMEFRAME_EXPIRED
DISPUTE_DEFENSE_PERIOD_ENDED PREARBITRATION_OPEN PREARBITRATION_ACCEPTED PREARBITRATION_DECLINED
PREARBITRATION_ISSUER_WITHDRAWN PREARBITRATION_WON PREARBITRATION_LOST SCHEME_ARBITRATION SCHEME_ARBITRATION_WON
SCHEME_ARBITRATION_LOST
"""
DISPUTE_PROGRESS = frozenset(_DISPUTE_PROGRESS.split())
_TOKEN_EVENTS = MappingProxyType(
    {
        "recurring.token.created": _Kind.CARD_STORED,
        "recurring.token.updated": _Kind.CARD_STORED,
        "recurring.token.alreadyExisting": _Kind.CARD_STORED,
        "recurring.token.disabled": _Kind.CARD_REVOKED,
    }
)
_MOVES_MONEY = frozenset(
    {
        _Kind.AUTHORIZED,
        _Kind.CAPTURED,
        _Kind.REFUNDED,
        _Kind.REFUND_REVERSED,
        _Kind.CHARGEBACK,
        _Kind.CHARGEBACK_REVERSED,
    }
)
_DISPUTES = frozenset({_Kind.DISPUTE_OPENED, _Kind.CHARGEBACK, _Kind.CHARGEBACK_REVERSED})
# These speak of the payment itself, so that their own reference is the payment's.
_ABOUT_THE_PAYMENT = frozenset({"AUTHORISATION", "OFFER_CLOSED", "EXPIRE"})
# A capture may fail, be sent again and fail again, all under one pspReference; only the time tells these facts apart.
_MAY_HAPPEN_AGAIN = frozenset({"CAPTURE", "CAPTURE_FAILED"})
_SIGNED_TEXTS = (
    "pspReference",
    "originalReference",
    "merchantAccountCode",
    "merchantReference",
    "eventCode",
    "success",
)
# The signature joins fields by ":" without escaping, so a colon in one could be read as a boundary of another. Only
# merchantReference may hold one; the rest then still reads in one way.
_WITHOUT_COLON = ("pspReference", "originalReference", "merchantAccountCode", "eventCode")


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Let in what is Adyen's and meant for this merchant account.

    There may be several keys, because events that are queued while a key is replaced keep their old signature.
    """

    merchant_account: str
    is_live: bool
    hmac_keys: tuple[str, ...] = field(repr=False)
    user: str = field(repr=False)
    password: str = field(repr=False)

    def verify(self, delivery: Delivery) -> Verified:
        """Prove a delivery and name it.

        :raises InvalidSignature: says which proof failed, never what was sent.
        """
        self._check_user(delivery.headers.get("authorization", ""))
        message = json_object(delivery.body)
        if message is None:
            raise InvalidSignature("adyen: the body is no JSON object")
        if "notificationItems" in message:
            items = _items(message)
            if items is None:
                raise InvalidSignature("adyen: the body holds no readable items")
            if message.get("live") != ("true" if self.is_live else "false"):
                raise InvalidSignature("adyen: the delivery is from the other environment")
            for item in items:
                self._check_item(item)
            identity: list[Any] = [
                [item.get(name) for name in (*_SIGNED_TEXTS, "amount", "eventDate")] for item in items
            ]
        else:
            self._check_whole(delivery, message)
            identity = [message]
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()
        return Verified(delivery_key=digest, acknowledgement="[accepted]")

    def _check_user(self, authorization: str) -> None:
        scheme, _, encoded = authorization.partition(" ")
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            given = b""
        wanted = f"{self.user}:{self.password}".encode()
        if not self.user or not self.password or scheme.lower() != "basic" or not hmac.compare_digest(given, wanted):
            raise InvalidSignature("adyen: wrong or missing basic authentication")

    def _check_item(self, item: Mapping[str, Any]) -> None:
        if item["merchantAccountCode"] != self.merchant_account:
            raise InvalidSignature("adyen: an item is for another merchant account")
        additional = item.get("additionalData")
        signature = additional.get("hmacSignature") if isinstance(additional, Mapping) else None
        signed = {**{name: item[name] for name in _SIGNED_TEXTS}, "amount": item["amount"]}
        if not any(_item_is_signed(signed, signature, key) for key in self.hmac_keys):
            raise InvalidSignature("adyen: an item's signature is wrong or missing")

    def _check_whole(self, delivery: Delivery, message: Mapping[str, Any]) -> None:
        signature = delivery.headers.get("hmacsignature", "")
        if not any(_body_is_signed(delivery.body, signature, key) for key in self.hmac_keys):
            raise InvalidSignature("adyen: the body's signature is wrong or missing")
        if (message.get("environment") == "test") is self.is_live:
            raise InvalidSignature("adyen: the delivery is from the other environment")
        content = message.get("data")
        account = content.get("merchantAccount", self.merchant_account) if isinstance(content, Mapping) else None
        if account != self.merchant_account:
            raise InvalidSignature("adyen: the delivery is for another merchant account")


def read(delivery: Delivery) -> tuple[Outcome, ...]:
    """Translate a genuine delivery; what cannot be read is a note, for refusing it would stop the queue behind it."""
    message = json_object(delivery.body) or {}
    items = _items(message)
    if items is not None:
        return tuple(_item_news(item, delivery) for item in items)
    return (_whole_news(message, delivery),)


def _item_news(item: Mapping[str, Any], delivery: Delivery) -> Outcome:
    code, psp_reference, is_success = item["eventCode"], item["pspReference"], item["success"] == "true"
    additional = item.get("additionalData")
    extra: Mapping[str, Any] = additional if isinstance(additional, Mapping) else {}
    kind = EVENTS.get(code, (_Kind.NOTE, _Kind.NOTE))[not is_success]
    if code == "CANCEL_OR_REFUND":
        kind = _reversal_kind(extra, is_success=is_success)
    if code == "RECURRING_CONTRACT":
        return _recurring_contract(item, delivery, kind)
    happened_at = when(item.get("eventDate"))
    money = money_of(item["amount"])
    problem = ""
    if kind in _MOVES_MONEY and money is None:
        # Money in a currency or a fraction we cannot hold: nothing may be booked from it, and somebody must look.
        kind, problem = _Kind.NOTE, "the amount cannot be read"
    at = happened_at.isoformat() if happened_at and (code in _MAY_HAPPEN_AGAIN or kind is _Kind.NOTE) else ""
    original = item["originalReference"] or (psp_reference if code in _ABOUT_THE_PAYMENT else None)
    decline = None
    if kind in (_Kind.DECLINED, _Kind.CAPTURE_FAILED, _Kind.VOID_FAILED, _Kind.REFUND_FAILED):
        decline = decline_of(str(extra.get("refusalReasonCode") or ""), item.get("reason"))
    return Outcome(
        kind=kind,
        reference=Reference(ours=item["merchantReference"] or None, gateway=psp_reference, payment=original),
        event_key=event_key(code, psp_reference, success=is_success, at=at)[:160],
        occurred_at=_not_later(happened_at, delivery),
        money=money,
        decline=decline,
        card=card_of(extra, item.get("paymentMethod")) if code == "AUTHORISATION" else None,
        dispute=_dispute(code, item, extra) if kind in _DISPUTES or code in DISPUTE_PROGRESS else None,
        problem=problem,
        raw=kept(item),
    )


def _reversal_kind(extra: Mapping[str, Any], *, is_success: bool) -> OutcomeKind:
    """Say what a reversal became. Either way the guest has all of the money back; only the bookkeeping differs.

    `modification.action` is not signed, and nothing that is says it.
    """
    if not is_success:
        return _Kind.VOID_FAILED
    action = extra.get("modification.action")
    return {"cancel": _Kind.VOIDED, "refund": _Kind.REFUNDED}.get(str(action), _Kind.NOTE)


def _recurring_contract(item: Mapping[str, Any], delivery: Delivery, kind: OutcomeKind) -> Outcome:
    """Read the older news of a stored card, whose pspReference is the token and therefore appears nowhere else."""
    token = item["pspReference"]
    is_token = TOKEN.fullmatch(token) is not None
    return Outcome(
        kind=kind if is_token else _Kind.NOTE,
        reference=Reference(ours=item["merchantReference"] or None, payment=item["originalReference"] or None),
        event_key=event_key("RECURRING_CONTRACT", _digest(token), success=item["success"] == "true"),
        occurred_at=_not_later(when(item.get("eventDate")), delivery),
        card=Card(token=token) if is_token and kind is _Kind.CARD_STORED else None,
        raw={name: value for name, value in kept(item).items() if name not in ("pspReference", "additionalData")},
    )


def _whole_news(message: Mapping[str, Any], delivery: Delivery) -> Outcome:
    """Read a webhook that is signed as a whole: the life of a token, or something we only note."""
    code = text_of(message.get("type") or "unknown")[:60]
    data = message.get("data")
    content: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
    kind = _TOKEN_EVENTS.get(code, _Kind.NOTE)
    token, event_id = str(content.get("storedPaymentMethodId") or ""), text_of(message.get("eventId"))[:120]
    if not TOKEN.fullmatch(token):
        kind = _Kind.NOTE
    identity = f"{event_id}:{token}" if token else hashlib.sha256(delivery.body).hexdigest()
    return Outcome(
        kind=kind,
        reference=Reference(payment=event_id or None),
        event_key=f"{code}:{_digest(identity)}",
        occurred_at=_not_later(when(message.get("createdAt")), delivery),
        card=None
        if kind is _Kind.NOTE
        else Card(
            brand=text_of(content.get("type"))[:40],
            token=token,
            shopper_reference=text_of(content.get("shopperReference")) or None,
        ),
        raw=kept(message),
    )


def _dispute(code: str, item: Mapping[str, Any], extra: Mapping[str, Any]) -> DisputeNews:
    reason = " ".join(
        part for part in (text_of(extra.get("chargebackReasonCode")).strip(), text_of(item.get("reason"))) if part
    )
    return DisputeNews(stage=code, reason=reason[:200], evidence_due_at=when(extra.get("defensePeriodEndsAt")))


def _items(message: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Return the items with every signed field present and of its type; None unless all of them are readable."""
    wrapped = message.get("notificationItems")
    if not isinstance(wrapped, list) or not wrapped:
        return None
    items = []
    for wrapper in wrapped:
        item = wrapper.get("NotificationRequestItem") if isinstance(wrapper, dict) else None
        if not isinstance(item, dict):
            return None
        # Adyen signs an absent or null field as an empty one.
        complete = {**item, **{name: item.get(name) or "" for name in _SIGNED_TEXTS}}
        amount = item.get("amount")
        if (
            not all(isinstance(complete[name], str) for name in _SIGNED_TEXTS)
            or any(":" in complete[name] for name in _WITHOUT_COLON)
            or complete["success"] not in ("true", "false")
            or not complete["pspReference"]
            or not isinstance(amount, dict)
            or type(amount.get("value")) is not int
            or not isinstance(amount.get("currency"), str)
            or ":" in amount["currency"]
        ):
            return None
        items.append(complete)
    return items


def _item_is_signed(signed: Mapping[str, Any], signature: object, key: str) -> bool:
    """Ask the library, which raises on whatever it did not expect: only a plain True is a proof."""
    # Here, for the reason that `calls` gives.
    from Adyen.util import is_valid_hmac_notification  # type: ignore[import-untyped]

    if not isinstance(signature, str) or not signature or not signature.isascii():
        return False
    try:
        return is_valid_hmac_notification({**signed, "additionalData": {"hmacSignature": signature}}, key) is True
    except (TypeError, ValueError, KeyError):
        return False


def _body_is_signed(body: bytes, signature: str, key: str) -> bool:
    from Adyen.util import is_valid_hmac_payload

    if not signature or not signature.isascii():
        return False
    try:
        return is_valid_hmac_payload(signature, key, body) is True
    except (TypeError, ValueError, KeyError):
        return False


def _not_later(happened_at: datetime | None, delivery: Delivery) -> datetime:
    """Return when something happened; a clock that runs ahead must not make its word the last one for good."""
    return min(happened_at or delivery.received_at, delivery.received_at)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
