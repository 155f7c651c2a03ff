"""What an intent, a charge, a refund or a dispute of Stripe's says, in our words: the same whether it was answered,
told or read.

An intent is what a guest is given to pay (our opening) and, once somebody has paid it, the payment. A refused attempt
is a charge of its own and leaves the intent payable. Of one intent at most one charge succeeds, and it is captured
once.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from gateways.adapters.stripe.refusals import decline_of, decline_of_charge, text_of
from gateways.adapters.stripe.wire import (
    CAPTURE,
    CHARGE_PURPOSE,
    INTENT,
    PURPOSE,
    card_of,
    id_of,
    kept,
    metadata_of,
    money_of,
    object_of,
    ours_in,
    when,
)
from gateways.errors import AnswerLost, ErrorCode
from gateways.protocol import Decline, DisputeNews, Outcome, OutcomeKind, Reference
from money import Money

_Kind = OutcomeKind
MANUAL = "manual"
# A guest who may still pay.
OPEN_STATUSES = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
_ENDED_WITHOUT_LOSS = frozenset({"warning_closed", "prevented"})
_MOVES_MONEY = frozenset(
    {_Kind.AUTHORIZED, _Kind.CAPTURED, _Kind.REFUNDED, _Kind.CHARGEBACK, _Kind.CHARGEBACK_REVERSED}
)


def news_of_intent(intent: Mapping[str, Any], *, at: datetime) -> tuple[Outcome, ...]:
    """Return everything an intent says of itself; its `latest_charge` should be expanded.

    It is empty while nobody has tried, or while the guest is at it.

    :raises AnswerLost: it does not say how it stands.
    """
    match intent.get("status"):
        case "succeeded":
            return (authorized_of_intent(intent, at=at), captured(intent, at=_paid_at(intent, at)))
        case "requires_capture":
            return (authorized_of_intent(intent, at=at),)
        case "processing":
            return (pending(intent, at=at),)
        case "canceled" if was_held(intent):
            return (authorized_of_intent(intent, at=at), voided(intent, at=at))
        case "canceled":
            return (expired(intent, at=at),)
        case "requires_payment_method" if object_of(intent.get("last_payment_error")):
            return (declined_of_intent(intent, at=at),)
        case str():
            return ()
    raise AnswerLost("stripe: the answer does not say how the payment stands")


def authorized_of_intent(intent: Mapping[str, Any], *, at: datetime) -> Outcome:
    """Say that a bank said yes, as an intent tells it."""
    charge = object_of(intent.get("latest_charge"))
    if charge is not None:
        # The intent's metadata, not the charge's: both were written by us, and only one can be trusted to be there.
        return authorized({**charge, "metadata": metadata_of(intent), "payment_intent": id_of(intent)}, at=at)
    return _attempt(_Kind.AUTHORIZED, intent, at=at, money=_sum(intent, intent.get("amount")))


def authorized(charge: Mapping[str, Any], *, at: datetime) -> Outcome:
    """Say that a bank said yes, as the charge tells it: with the card."""
    return _attempt(
        _Kind.AUTHORIZED,
        {**charge, "id": id_of(charge.get("payment_intent"))},
        at=when(charge.get("created")) or at,
        money=_sum(charge, charge.get("amount")),
        card=card_of(charge),
        raw=kept(charge),
    )


def captured(intent: Mapping[str, Any], *, at: datetime) -> Outcome:
    """Say that the money was taken. A sale is its own capture; one that was asked for is named by its charge."""
    is_asked_for = intent.get("capture_method") == MANUAL
    money = _sum(intent, intent.get("amount_received"))
    if not is_asked_for:
        return _attempt(_Kind.CAPTURED, intent, at=at, money=money)
    intent_id = _intent_id(intent)
    return _with_figure(
        Outcome(
            kind=_Kind.CAPTURED,
            reference=Reference(
                ours=ours_in(intent, CAPTURE) or ours_in(intent),
                gateway=id_of(intent.get("latest_charge")) or intent_id,
                payment=intent_id,
                opening=None if _is_charge(intent) else intent_id,
            ),
            event_key=f"captured:{intent_id}",
            occurred_at=at,
            money=money,
            raw=kept(intent),
        )
    )


def pending(intent: Mapping[str, Any], *, at: datetime) -> Outcome:
    """Say that a bank has not decided.

    The attempt is named only where there can be no other: the name of one that a guest makes is known once it is over.
    """
    return _attempt(_Kind.PENDING, intent, at=at, money=_sum(intent, intent.get("amount")), is_named=_is_charge(intent))


def declined_of_intent(intent: Mapping[str, Any], *, at: datetime) -> Outcome:
    """Say that an attempt was refused, as the intent's last error tells it."""
    error = object_of(intent.get("last_payment_error")) or {}
    charge = object_of(intent.get("latest_charge"))
    attempt = id_of(error.get("charge")) or id_of(error.get("payment_method"))
    return _declined(
        intent,
        attempt=attempt,
        at=(when(charge.get("created")) if charge and id_of(charge) == attempt else None) or at,
        decline=decline_of(error),
        money=_sum(intent, intent.get("amount")),
        card=card_of(charge) if charge and id_of(charge) == attempt else None,
        raw=kept(intent),
    )


def declined(charge: Mapping[str, Any], *, at: datetime) -> Outcome:
    """Say that an attempt was refused, as its charge tells it."""
    return _declined(
        {**charge, "id": id_of(charge.get("payment_intent"))},
        attempt=id_of(charge),
        at=when(charge.get("created")) or at,
        decline=decline_of_charge(charge),
        money=_sum(charge, charge.get("amount")),
        card=card_of(charge),
        raw=kept(charge),
    )


def voided(intent: Mapping[str, Any], *, at: datetime, ours: str | None = None) -> Outcome:
    """Say that a hold was released: by us, or because nobody captured it in time.

    A cancelation carries no reference of ours, so only its own answer knows which operation it was.
    """
    intent_id = _intent_id(intent)
    return Outcome(
        kind=_Kind.VOIDED,
        reference=Reference(
            ours=ours,
            gateway=id_of(intent.get("latest_charge")) or intent_id,
            payment=intent_id,
            opening=None if _is_charge(intent) else intent_id,
        ),
        event_key=f"voided:{intent_id}",
        occurred_at=when(intent.get("canceled_at")) or at,
        raw=kept(intent),
    )


def expired(intent: Mapping[str, Any], *, at: datetime) -> Outcome:
    """Say that nobody paid an intent and that nobody can any more."""
    moment = when(intent.get("canceled_at")) or at
    return _attempt(_Kind.EXPIRED, intent, at=moment, money=None, is_named=_is_charge(intent))


def was_held(intent: Mapping[str, Any]) -> bool:
    """Say whether a canceled intent had an authorization.

    Where the charge is not expanded, the last error says whether it was refused.
    """
    charge = intent.get("latest_charge")
    if isinstance(charge, Mapping):
        return charge.get("status") == "succeeded"
    has_charge = charge is not None and intent.get("capture_method") == MANUAL
    return has_charge and object_of(intent.get("last_payment_error")) is None


def news_of_refund(
    refund: Mapping[str, Any], *, at: datetime, ours: str | None, payment: str | None, may_wait: bool
) -> Outcome:
    """Say how a refund stands.

    One that waits is PENDING for whoever asked for it, and to everybody else something to note: it may be nobody's.

    :raises AnswerLost: it does not say how it stands.
    """
    refund_id, status = id_of(refund), refund.get("status")
    if refund_id is None or not isinstance(status, str):
        raise AnswerLost("stripe refund: the answer does not say how the refund stands")
    kind, key, decline = _Kind.NOTE, f"refund:{refund_id}:{status}"[:160], None
    if status == "succeeded" and _moved_money(refund):
        kind, key = _Kind.REFUNDED, f"refunded:{refund_id}"
    elif status in ("failed", "canceled"):
        kind, key = _Kind.REFUND_FAILED, f"refund_failed:{refund_id}"
        reason = text_of(refund.get("failure_reason") or status)[:40]
        decline = Decline(code=ErrorCode.UNDEFINED_CARD_ERROR, raw_code=reason, raw_text="The refund did not arrive")
    elif status in ("pending", "requires_action") and may_wait:
        kind = _Kind.PENDING
    money = _sum(refund, refund.get("amount"))
    return _with_figure(
        Outcome(
            kind=kind,
            reference=_done_to(refund, refund_id, ours=ours_in(refund) or ours, payment=payment),
            event_key=key,
            occurred_at=at,
            money=money,
            decline=decline,
            raw=kept(refund),
        )
    )


def dispute_opened(dispute: Mapping[str, Any], *, at: datetime) -> Outcome:
    """Say that a cardholder's bank asks or complains; no money has moved yet."""
    return _of_dispute(_Kind.DISPUTE_OPENED, dispute, key=f"dispute:{id_of(dispute)}", at=at)


def chargeback(dispute: Mapping[str, Any], *, at: datetime) -> Outcome:
    """Say that the disputed amount was taken from us."""
    found, key = _movement(dispute, is_taken=True), f"chargeback:{id_of(dispute)}"
    return _of_dispute(_Kind.CHARGEBACK, dispute, key=f"{key}:{found}" if found else key, at=at)


def chargeback_reversed(dispute: Mapping[str, Any], *, at: datetime) -> Outcome:
    """Say that the disputed amount was given back to us."""
    found, key = _movement(dispute, is_taken=False), f"chargeback_reversed:{id_of(dispute)}"
    return _of_dispute(_Kind.CHARGEBACK_REVERSED, dispute, key=f"{key}:{found}" if found else key, at=at)


def dispute_ended(dispute: Mapping[str, Any], *, at: datetime) -> Outcome:
    """Say that a dispute is over and took nothing, as an inquiry does that was answered."""
    return _of_dispute(_Kind.CHARGEBACK_REVERSED, dispute, key=f"dispute_ended:{id_of(dispute)}", at=at)


def has_ended_for_nothing(dispute: Mapping[str, Any]) -> bool:
    """Say whether a dispute is over and took nothing."""
    return dispute.get("status") in _ENDED_WITHOUT_LOSS and not _movement(dispute, is_taken=True)


def dispute_noted(dispute: Mapping[str, Any], *, key: str, at: datetime) -> Outcome:
    """Say how a dispute stands, where that moves nothing."""
    return _of_dispute(_Kind.NOTE, dispute, key=key, at=at)


def news_of_dispute(dispute: Mapping[str, Any], *, at: datetime) -> Iterable[Outcome]:
    """Return everything a dispute says of itself: that it was opened, and what its balance transactions moved."""
    yield dispute_opened(dispute, at=when(dispute.get("created")) or at)
    if _movement(dispute, is_taken=True):
        yield chargeback(dispute, at=_moved_at(dispute, is_taken=True) or at)
    if _movement(dispute, is_taken=False):
        yield chargeback_reversed(dispute, at=_moved_at(dispute, is_taken=False) or at)
    if has_ended_for_nothing(dispute):
        yield dispute_ended(dispute, at=at)


def _attempt(
    kind: OutcomeKind,
    thing: Mapping[str, Any],
    *,
    at: datetime,
    money: Money | None,
    is_named: bool = True,
    **more: Any,
) -> Outcome:
    """Say something of the payment that an intent is; `thing` has the intent's `id` and `metadata`."""
    intent_id = _intent_id(thing)
    return _with_figure(
        Outcome(
            kind=kind,
            reference=Reference(
                ours=ours_in(thing),
                gateway=intent_id if is_named else None,
                payment=intent_id if is_named else None,
                opening=None if _is_charge(thing) else intent_id,
            ),
            event_key=f"{kind.lower()}:{intent_id}",
            occurred_at=at,
            money=money,
            **{"raw": kept(thing), **more},
        )
    )


def _declined(thing: Mapping[str, Any], *, attempt: str | None, at: datetime, **more: Any) -> Outcome:
    """Say that an attempt was refused. A charge of ours is one attempt; a guest may make many, each with its name."""
    intent_id = _intent_id(thing)
    is_charge = _is_charge(thing)
    return Outcome(
        kind=_Kind.DECLINED,
        reference=Reference(
            ours=ours_in(thing),
            gateway=intent_id if is_charge else attempt,
            payment=intent_id,
            opening=None if is_charge else intent_id,
        ),
        event_key=f"declined:{attempt or intent_id}",
        occurred_at=at,
        **more,
    )


def _of_dispute(kind: OutcomeKind, dispute: Mapping[str, Any], *, key: str, at: datetime) -> Outcome:
    dispute_id = id_of(dispute)
    if dispute_id is None:
        raise AnswerLost("stripe: the answer names no dispute")
    details = object_of(dispute.get("evidence_details")) or {}
    method = object_of(dispute.get("payment_method_details")) or {}
    network = (object_of(method.get("card")) or {}).get("network_reason_code")
    reason = " ".join(text_of(part) for part in (network, dispute.get("reason")) if part)
    return _with_figure(
        Outcome(
            kind=kind,
            reference=_done_to(dispute, dispute_id),
            event_key=key[:160],
            occurred_at=at,
            money=_sum(dispute, dispute.get("amount")),
            dispute=DisputeNews(
                stage=text_of(dispute.get("status"))[:60],
                reason=reason[:200],
                evidence_due_at=when(details.get("due_by")),
            ),
            raw=kept(dispute),
        )
    )


def _done_to(thing: Mapping[str, Any], name: str, *, ours: str | None = None, payment: str | None = None) -> Reference:
    """Name what was done to a payment. It does not say whether a guest paid an opening of ours there, and may have."""
    intent_id = id_of(thing.get("payment_intent")) or payment
    return Reference(ours=ours, gateway=name, payment=intent_id, opening=intent_id)


def _with_figure(outcome: Outcome) -> Outcome:
    """Return money news as a note where its amount cannot be held: nothing may be booked from it, and somebody must
    look.
    """
    if outcome.money is not None or outcome.kind not in _MOVES_MONEY:
        return outcome
    return Outcome(
        kind=_Kind.NOTE,
        reference=outcome.reference,
        event_key=outcome.event_key,
        occurred_at=outcome.occurred_at,
        dispute=outcome.dispute,
        problem="the amount cannot be read",
        raw=outcome.raw,
    )


def _intent_id(thing: Mapping[str, Any]) -> str:
    found = id_of(thing)
    if found is None or not INTENT.fullmatch(found):
        raise AnswerLost("stripe: the answer names no payment intent")
    return found


def _is_charge(thing: Mapping[str, Any]) -> bool:
    return metadata_of(thing).get(PURPOSE) == CHARGE_PURPOSE


def _sum(thing: Mapping[str, Any], amount: object) -> Money | None:
    return money_of(amount, thing.get("currency"))


def _paid_at(intent: Mapping[str, Any], at: datetime) -> datetime:
    """Return when a sale was paid; a capture that was asked for has no time of its own."""
    charge = object_of(intent.get("latest_charge"))
    if charge is None or intent.get("capture_method") == MANUAL:
        return at
    return when(charge.get("created")) or at


def _moved_money(refund: Mapping[str, Any]) -> bool:
    """Say whether a refund is one. Stripe writes a released hold down as a refund, too, which moves nothing."""
    if ours_in(refund) is not None:
        return True
    return refund.get("reason") != "expired_uncaptured_charge" and refund.get("balance_transaction") is not None


def _movements(dispute: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = dispute.get("balance_transactions")
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _row(dispute: Mapping[str, Any], *, is_taken: bool) -> Mapping[str, Any] | None:
    """Return the last balance transaction that took the amount or gave it back."""
    rows = [row for row in _movements(dispute) if type(row.get("amount")) is int]
    return next((row for row in reversed(rows) if (row["amount"] < 0) is is_taken), None)


def _movement(dispute: Mapping[str, Any], *, is_taken: bool) -> str | None:
    row = _row(dispute, is_taken=is_taken)
    return id_of(row) if row is not None else None


def _moved_at(dispute: Mapping[str, Any], *, is_taken: bool) -> datetime | None:
    row = _row(dispute, is_taken=is_taken)
    return when(row.get("created")) if row is not None else None
