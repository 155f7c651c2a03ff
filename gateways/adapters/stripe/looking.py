"""Ask Stripe what became of something: by its intent, by the refund's name, or by a reference of ours."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from gateways.adapters.stripe import news, wire
from gateways.adapters.stripe.calls import Refused, Stripe, call
from gateways.errors import Rejected
from gateways.protocol import Outcome, Reference

_EXPANDED = {"expand": ["latest_charge"]}
# More attempts at one intent, or refunds of it, than Stripe allows in a row.
_PAGE = 100


def look(services: Stripe, reference: Reference, *, now: datetime) -> tuple[Outcome, ...]:
    """Return what Stripe says of what a reference names; empty when it knows nothing, or nothing yet.

    :raises Rejected: the reference names nothing that Stripe could be asked about.
    """
    for name in (reference.opening, reference.payment, reference.gateway):
        if name and wire.INTENT.fullmatch(name):
            return _of_intent(services, name, reference, now)
    if reference.gateway and wire.REFUND.fullmatch(reference.gateway):
        refund = call("fetch", services.refunds.retrieve, reference.gateway)
        return (_of_refund(refund, reference, payment=None, now=now),)
    if reference.ours and wire.OUR_REFERENCE.fullmatch(reference.ours):
        return _of_ours(services, reference.ours, now)
    raise Rejected("stripe fetch: the reference names nothing of Stripe's")


def _of_intent(services: Stripe, intent_id: str, reference: Reference, now: datetime) -> tuple[Outcome, ...]:
    intent: Mapping[str, Any] = call("fetch", services.intents.retrieve, intent_id, parameters=_EXPANDED)
    if reference.opening:
        intent = _ended(services, intent, intent_id, now)
    found = [*_refused_attempts(services, intent, intent_id, now), *news.news_of_intent(intent, at=now)]
    if not reference.opening:
        found += _afterwards(services, intent, intent_id, reference, now)
    # The last refused attempt is told by its charge and by the intent.
    return tuple({(outcome.kind, outcome.event_key): outcome for outcome in found}.values())


def _ended(services: Stripe, intent: Mapping[str, Any], intent_id: str, now: datetime) -> Mapping[str, Any]:
    """Cancel an intent that outlived its time, so that nobody can pay it any more; return it as it is then.

    A guest who is faster has paid, and is told of as such.
    """
    ends_at = wire.metadata_of(intent).get(wire.EXPIRES)
    is_over = isinstance(ends_at, str) and ends_at.isascii() and ends_at.isdigit() and int(ends_at) <= now.timestamp()
    if not is_over or intent.get("status") not in news.OPEN_STATUSES:
        return intent
    return _cancelled(services, intent_id) or call("fetch", services.intents.retrieve, intent_id, parameters=_EXPANDED)


def close(services: Stripe, reference: Reference) -> None:
    """Cancel the intent that a reference names, unless it is paid, holds money or is over.

    :raises Rejected: it names none.
    """
    if not reference.opening or not wire.INTENT.fullmatch(reference.opening):
        raise Rejected("stripe close: the reference names no intent")
    intent: Mapping[str, Any] = call("close", services.intents.retrieve, reference.opening)
    if intent.get("status") in news.OPEN_STATUSES:
        _cancelled(services, reference.opening)


def _cancelled(services: Stripe, intent_id: str) -> Mapping[str, Any] | None:
    """Cancel an intent and return it as it is then; None where a guest was faster."""
    with suppress(Refused):
        cancelled: Mapping[str, Any] = call(
            "expire",
            services.intents.cancel,
            intent_id,
            parameters={"cancellation_reason": "abandoned", **_EXPANDED},
            idempotency_key=f"{intent_id}:abandoned",
        )
        return cancelled
    return None


def _refused_attempts(services: Stripe, intent: Mapping[str, Any], intent_id: str, now: datetime) -> Iterator[Outcome]:
    if intent.get("latest_charge") is None:
        return
    charges = call("fetch", services.charges.list, parameters={"payment_intent": intent_id, "limit": _PAGE})
    for charge in _rows(charges):
        if charge.get("status") == "failed":
            yield news.declined({**charge, "metadata": wire.metadata_of(intent), "payment_intent": intent_id}, at=now)


def _afterwards(
    services: Stripe, intent: Mapping[str, Any], intent_id: str, reference: Reference, now: datetime
) -> Iterator[Outcome]:
    """Tell what was done to a payment: what was given back, and what was disputed."""
    if intent.get("status") != "succeeded":
        return
    refunds = call("fetch", services.refunds.list, parameters={"payment_intent": intent_id, "limit": _PAGE})
    for refund in _rows(refunds):
        # One that somebody made in the dashboard must not pass for the operation that is asked about.
        yield _of_refund(refund, reference, payment=intent_id, now=now, fallback=wire.ours_in(intent))
    charge = wire.object_of(intent.get("latest_charge")) or {}
    if charge.get("disputed"):
        disputes = call("fetch", services.disputes.list, parameters={"payment_intent": intent_id, "limit": _PAGE})
        for dispute in _rows(disputes):
            yield from news.news_of_dispute(dispute, at=now)


def _of_refund(
    refund: Mapping[str, Any],
    reference: Reference,
    *,
    payment: str | None,
    now: datetime,
    fallback: str | None = None,
) -> Outcome:
    ours = wire.ours_in(refund)
    is_asked_about = ours == reference.ours if ours else wire.id_of(refund) == reference.gateway
    at = wire.when(refund.get("created")) or now
    return news.news_of_refund(refund, at=at, ours=fallback, payment=payment, may_wait=is_asked_about)


def _of_ours(services: Stripe, ours: str, now: datetime) -> tuple[Outcome, ...]:
    """Search by our reference: a charge whose answer was lost and whose key is forgotten.

    What was made within the last minute may not be found yet. Source: Stripe docs, "Search".
    """
    parameters = {"query": f"metadata['{wire.OURS}']:'{ours}'", "limit": 10, "expand": ["data.latest_charge"]}
    answer = call("search", services.intents.search, parameters=parameters)
    return tuple(
        outcome
        for intent in _rows(answer)
        if wire.ours_in(intent) == ours
        for outcome in news.news_of_intent(intent, at=now)
    )


def _rows(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = answer.get("data")
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
