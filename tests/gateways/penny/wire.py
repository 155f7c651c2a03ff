"""Penny's JSON: an order with what was paid of it and what went back."""

from datetime import UTC, datetime
from typing import Any

from gateways.errors import AnswerLost, Busy, ErrorCode, KeyRefused, Rejected
from gateways.exponents import Exponents
from gateways.http import HttpAnswer
from gateways.protocol import Decline, Outcome, OutcomeKind, Reference
from gateways.scrubbing import mask_numbers, scrub
from money import Money, MoneyError

EXPONENTS = Exponents()
SECRET_FIELDS = frozenset({"api_key", "paymentMethod"})
REFUSALS = {"poor": ErrorCode.CREDIT_LIMIT_EXCEEDED, "late": ErrorCode.INVALID_CARD_EXPIRY}


def read(answer: HttpAnswer, operation: str, *needed: str) -> dict[str, Any]:
    """Return a good answer's JSON.

    :raises Busy: Penny has too much to do. :raises Rejected: it refuses us. :raises AnswerLost: anything else.
    """
    if answer.status == 429:
        raise Busy(f"penny {operation}: too many requests")
    if answer.status in (401, 403):
        raise KeyRefused(f"penny {operation}: answered {answer.status}")
    if answer.status in (400, 404, 409, 422):
        raise Rejected(f"penny {operation}: answered {answer.status}")
    found = answer.json_object()
    if answer.status not in (200, 201) or found is None or not all(isinstance(found.get(name), str) for name in needed):
        raise AnswerLost(f"penny {operation}: no answer to be understood (HTTP {answer.status})")
    return found


def attempt_of(order: dict[str, Any]) -> Outcome | None:
    """Return what became of an order; None while nothing has."""
    kind = {"paid": OutcomeKind.CAPTURED, "refused": OutcomeKind.DECLINED}.get(str(order.get("state")))
    if kind is None:
        return None
    return Outcome(
        kind=kind,
        reference=Reference(ours=order["reference"], gateway=order["id"], payment=order["id"], opening=order["id"]),
        event_key=f"{order['id']}:{kind}",
        occurred_at=datetime.now(UTC),
        money=_money(order),
        decline=decline_of(str(order.get("reason", ""))) if kind is OutcomeKind.DECLINED else None,
        raw=scrub(order, SECRET_FIELDS),
    )


def news_of(order: dict[str, Any]) -> tuple[Outcome, ...]:
    """Return what became of an order, and what was given back of it."""
    attempt = attempt_of(order)
    if attempt is None:
        return ()
    return (attempt, *(refunded(each, order["id"], datetime.now(UTC)) for each in order.get("refunds", ())))


def refunded(refund: dict[str, Any], payment: str, at: datetime) -> Outcome:
    """Return that money was given back."""
    return Outcome(
        kind=OutcomeKind.REFUNDED,
        reference=Reference(ours=refund.get("reference"), gateway=refund["id"], payment=payment),
        event_key=f"{refund['id']}:refunded",
        occurred_at=at,
        money=_money(refund),
    )


def decline_of(reason: str) -> Decline:
    """Return what a refusal means."""
    code = REFUSALS.get(reason, ErrorCode.UNDEFINED_CARD_ERROR)
    return Decline(code=code, raw_code=mask_numbers(reason)[:40])


def _money(order: dict[str, Any]) -> Money | None:
    try:
        return EXPONENTS.money_of(order["amount"], order["currency"])
    except (KeyError, MoneyError):
        return None
