"""Viva's transactions in our words. Both of Viva's APIs tell of them, each with fields and spellings of its own.

A guest's order holds transactions: attempts to pay, and what was done to those that succeeded. What goes back is a
transaction of its own, whose `ParentId` names the one it undoes; the status of that one changes, too, and says nothing
that is not known from the other.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from gateways.adapters.viva.currencies import money_of
from gateways.adapters.viva.refusals import decline_of, event_id_of
from gateways.protocol import Card, Decline, DisputeNews, Outcome, OutcomeKind, Reference
from gateways.scrubbing import scrub
from money import Money

_Kind = OutcomeKind

# Viva's transactionTypeId. Source: clients in the open; the docs name a part of them. The methods that guests may
# choose on Viva's page are charges like a card's: iDEAL, PayPal, Klarna, IRIS.
HOLDS = frozenset({1, 80})
CAPTURES = frozenset({0, 81})
CHARGES = frozenset({5, 6, 9, 23, 48, 52, 60})
REVERSALS = frozenset({4, 7, 11, 13, 18, 24, 49, 53, 61})
_CARD_CHARGES = frozenset({5, 6})
# statusId. Source: Viva docs, "Response information".
_DONE, _UNDER_WAY, _FAILED, _CAPTURED = "F", "A", "E", "C"
_CAME_BACK = frozenset({"R", "X"})
_DISPUTES: Mapping[str, tuple[OutcomeKind, str]] = {
    "M": (_Kind.DISPUTE_OPENED, "disputed"),
    "MA": (_Kind.DISPUTE_OPENED, "awaiting response"),
    "MI": (_Kind.DISPUTE_OPENED, "in progress"),
    "MS": (_Kind.DISPUTE_OPENED, "suspected dispute"),
    "ML": (_Kind.CHARGEBACK, "dispute lost"),
    "MW": (_Kind.CHARGEBACK_REVERSED, "dispute won"),
}
# Source: Viva docs, "Response information", cardTypeId.
_BRANDS = {0: "visa", 1: "mastercard", 2: "diners", 3: "amex", 6: "maestro", 7: "discover", 8: "jcb"}
_BLANKED = """
authorization access_token client_secret client_id api_key key email fullName phone cardHolderName number cardNumber
cardToken token cardUniqueReference cvc redirectUrl
"""
SECRET_FIELDS = frozenset(_BLANKED.split())
# Bodies hold some seventy fields, and who paid is among them: only what staff need of a transaction is kept.
_KEPT_NAMES = """
acquirerApproved amount authorizationId bankId cardCountryCode cardIssuingBank cardTypeId clearanceDate commission
correlationId currencyCode electronicCommerceIndicator errorCode errorText eventId eventTypeId expirationDate fee
insDate isCancelled merchantTrns message messageId orderCode parentId recurringSupport referenceNumber requestAmount
responseCode responseEventId retrievalReferenceNumber sourceCode stateId statusId success timeStamp totalCommission
totalFee transactionId transactionTypeId
"""
_KEPT = frozenset(name.lower() for name in _KEPT_NAMES.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Be what Viva tells of one transaction; None and "" where it does not say."""

    id: str
    status: str
    type_id: int
    parent: str | None = None
    order_code: str | None = None
    ours: str | None = None
    money: Money | None = None
    at: datetime | None = None
    event_id: str = ""
    card: Card | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_attempt(self) -> bool:
        """Say whether this is somebody paying, and not something done to a payment."""
        return self.type_id not in CAPTURES and self.type_id not in REVERSALS


def told_of(fields: Mapping[str, Any], transaction_id: str | None = None) -> Told | None:
    """Read a transaction in either API's spelling; None where it is none, or lacks what makes it one.

    The newer API does not repeat the id it was asked for, so that is given.
    """
    found = lowered(fields)
    order, kind = lowered(found.get("order")), lowered(found.get("transactiontype"))
    identity = transaction_id or uuid_of(found.get("transactionid"))
    status = found.get("statusid")
    type_id = found.get("transactiontypeid", kind.get("transactiontypeid"))
    if identity is None or not isinstance(status, str) or not status or type(type_id) is not int:
        return None
    reason = event_id_of(found.get("responseeventid")) or event_id_of(found.get("eventid"))
    return Told(
        id=identity,
        status=status,
        type_id=type_id,
        parent=uuid_of(found.get("parentid")),
        order_code=code_of(found.get("ordercode", order.get("ordercode"))),
        ours=_text(found.get("merchanttrns")),
        money=money_of(found.get("amount"), found.get("currencycode")),
        at=when(found.get("insdate")),
        event_id=reason,
        card=_card_of(found, identity, type_id),
        raw={**kept(fields), **kept(order), **kept(kind)},
    )


def family_of(transactions: Iterable[Told]) -> dict[str, Told]:
    """Return transactions by their ids."""
    return {told.id: told for told in transactions}


def payment_of(told: Told, family: Mapping[str, Told]) -> Told | None:
    """Return the payment that a transaction belongs to: itself, or whose capture or reversal it is; None if unknown."""
    for _ in range(4):
        if told.is_attempt:
            return told
        parent = family.get(told.parent or "")
        if parent is None:
            return None
        told = parent
    return None


def outcomes_of(told: Told, family: Mapping[str, Told], now: datetime) -> tuple[Outcome, ...]:
    """Say what a transaction means, as far as those beside it in its order tell; nothing where that is not enough.

    What cannot be understood stays undecided: a PENDING word on an attempt is never wrong, and staff see it in the end.
    """
    payment = payment_of(told, family)
    if payment is None:
        return ()
    if told.type_id in REVERSALS:
        return (_reversal(told, payment, now),)
    if told.type_id not in HOLDS | CHARGES | CAPTURES:
        return (_word(told, payment, _Kind.PENDING, now),)
    is_capture = told.type_id in CAPTURES
    if told.status == _FAILED:
        failed = _Kind.CAPTURE_FAILED if is_capture else _Kind.DECLINED
        return (_word(told, payment, failed, now, decline=decline_of(told.event_id)),)
    if told.money is None or not _has_stood(told, family):
        return (_word(told, payment, _Kind.PENDING, now),)
    kind = _Kind.AUTHORIZED if told.type_id in HOLDS else _Kind.CAPTURED
    paid = _word(told, payment, kind, now, card=None if is_capture else told.card)
    if told.status not in _DISPUTES:
        return (paid,)
    kind, stage = _DISPUTES[told.status]
    dispute = DisputeNews(stage=stage)
    # Viva dates the payment, not its dispute: ours is the clock that orders what is said of one.
    return (paid, _word(told, payment, kind, now, key=f"{told.id}:{told.status}", at=now, dispute=dispute))


def _has_stood(told: Told, family: Mapping[str, Told]) -> bool:
    """Say whether money was there. What came back was, if what took it back is told as well: without that, its amount
    would be booked and stay.
    """
    if told.status in (_DONE, _CAPTURED) or told.status in _DISPUTES:
        return True
    return told.status in _CAME_BACK and any(
        other.type_id in REVERSALS and other.parent == told.id for other in family.values()
    )


def _reversal(told: Told, payment: Told, now: datetime) -> Outcome:
    done, failed = _Kind.REFUNDED, _Kind.REFUND_FAILED
    if payment.type_id in HOLDS and told.parent == payment.id and payment.status != _CAPTURED:
        done, failed = _Kind.VOIDED, _Kind.VOID_FAILED
    if told.status == _FAILED:
        return _word(told, payment, failed, now, decline=decline_of(told.event_id))
    is_done = told.status != _UNDER_WAY and told.money is not None
    return _word(told, payment, done if is_done else _Kind.PENDING, now)


def _word(
    told: Told,
    payment: Told,
    kind: OutcomeKind,
    now: datetime,
    *,
    key: str | None = None,
    at: datetime | None = None,
    decline: Decline | None = None,
    card: Card | None = None,
    dispute: DisputeNews | None = None,
) -> Outcome:
    return Outcome(
        kind=kind,
        reference=Reference(
            # What is done to a payment without a name of its own goes by the payment's.
            ours=told.ours or payment.ours,
            gateway=told.id,
            payment=payment.id,
            opening=told.order_code or payment.order_code,
        ),
        event_key=key or told.id,
        # A clock that runs ahead must not make its word the last one for good.
        occurred_at=min(at or told.at or now, now),
        money=told.money,
        decline=decline,
        card=card,
        dispute=dispute,
        raw=told.raw,
    )


def _card_of(found: Mapping[str, Any], transaction_id: str, type_id: int) -> Card | None:
    """Describe the card; the id of a payment that may recur is what charges its card again."""
    card, payment = lowered(found.get("creditcard")), lowered(found.get("payment"))
    kind = lowered(card.get("cardtype"))
    number = _text(found.get("cardnumber", card.get("number"))) or ""
    digits = re.fullmatch(r"([0-9]{6,8})[X*]+([0-9]{4})", number)
    expiry = when(found.get("cardexpirationdate", card.get("expirationdate")), is_local=True)
    brand = found.get("cardtypeid", kind.get("cardtypeid"))
    can_recur = found.get("recurringsupport", payment.get("recurringsupport")) is True
    is_first = type_id in _CARD_CHARGES and uuid_of(found.get("parentid")) is None
    described = Card(
        brand=_BRANDS.get(brand, "") if type(brand) is int else "",
        last4=digits[2] if digits else "",
        bin=digits[1] if digits else "",
        expiry_month=expiry.month if expiry else None,
        expiry_year=expiry.year if expiry else None,
        token=transaction_id if can_recur and is_first else None,
    )
    return described if described.last4 or described.token else None


def lowered(value: object) -> dict[str, Any]:
    """Return an object's fields by their names in lower case, for some of Viva's nodes spell them otherwise."""
    return {str(name).lower(): item for name, item in value.items()} if isinstance(value, Mapping) else {}


def uuid_of(value: object) -> str | None:
    """Return a transaction's id as Viva writes it, or None if it is none."""
    if not isinstance(value, str) or len(value) != 36:
        return None
    try:
        return str(UUID(value))
    except ValueError:
        return None


def code_of(value: object) -> str | None:
    """Return an order code as a text; it has more digits than a browser's numbers can hold."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return text if isinstance(text, str) and re.fullmatch(r"[0-9]{1,20}", text) else None


def when(value: object, *, is_local: bool = False) -> datetime | None:
    """Read a time with an offset; None when it is none. `is_local` takes the time of a calendar without one."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if is_local:
        return moment
    return moment.astimezone(UTC) if moment.tzinfo else None


def kept(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what may be stored of a message of Viva's."""
    plain = (str, int, bool, Decimal, type(None))
    wanted = {name: item for name, item in message.items() if str(name).lower() in _KEPT and isinstance(item, plain)}
    found: dict[str, Any] = scrub(wanted, SECRET_FIELDS)
    return found


def _text(value: object) -> str | None:
    return value[:200] if isinstance(value, str) and value else None
