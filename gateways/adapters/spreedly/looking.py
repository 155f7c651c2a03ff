"""Find out what Spreedly believes: by its own names, or by ours in the list of a gateway's transactions.

Spreedly keeps no idempotency keys, so nothing is ever sent twice, and looking is all that can follow a lost answer.
Its list takes a token to begin after, and no other wish: what followed a payment is looked for from there on, a charge
that only we have a name for from the newest backwards.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from gateways.adapters.spreedly import wire
from gateways.adapters.spreedly.calls import Core, NotFound, Stopped
from gateways.errors import AnswerLost
from gateways.protocol import Outcome, OutcomeKind, Reference

# The most that Spreedly gives at a time, how often it is asked for more, and how far back a charge of ours can be.
_PAGE, _PAGES = 100, 5
_OLDEST = timedelta(days=3)
# Spreedly gives a guest 10 to 15 minutes, and then wants to be asked to end it. Source: "Complete transaction".
_GUEST_IS_GONE = timedelta(minutes=16)

Transaction = dict[str, Any]


def look(core: Core, reference: Reference, *, now: datetime) -> tuple[Outcome, ...]:
    """Return everything Spreedly says of what a reference names; what it does not know itself is left out."""
    if reference.gateway and reference.payment in (None, reference.gateway):
        found = _with_follow_ups(core, reference.gateway)
    elif reference.gateway:
        found = [_of(one, str(reference.payment)) for one in shown(core, "fetch", reference.gateway)]
    elif reference.payment:
        found = _with_follow_ups(core, reference.payment)
        names = {reference.ours} - {None}
        if found and names and not any(_is_called(one, names) for one in found):
            # Long after its payment, and too far behind it to be found from there on.
            newest = _newest(core, lambda one: _is_called(one, names), now)
            found += [_of(one, reference.payment) for one in newest]
    else:
        names = {reference.ours, reference.opening} - {None}
        found = _newest(core, lambda one: _is_called(one, names), now) if names else []
    said: list[Outcome] = []
    for transaction in found:
        said.extend(_news(core, _as_it_stands(core, transaction, now), now))
    return tuple(said)


def shown(core: Core, operation: str, token: str) -> list[Transaction]:
    """Return a transaction by Spreedly's name; none when it knows none."""
    if not wire.TOKEN.fullmatch(token):
        return []
    try:
        return [transaction_of(core.call(operation, "GET", f"/transactions/{token}.json"), operation)]
    except NotFound:
        return []


def transaction_of(body: Mapping[str, Any], operation: str) -> Transaction:
    """Return the transaction of an answer.

    :raises AnswerLost: it has none.
    """
    found = body.get("transaction")
    if not isinstance(found, dict):
        raise AnswerLost(f"spreedly {operation}: the answer holds no transaction")
    return found


def captures_of(core: Core, payment: str) -> list[Transaction]:
    """Return the captures of an authorization that succeeded; none when the payment is no authorization."""
    authorization = [one for one in shown(core, "refund", payment) if _type_of(one).endswith("Authorization")]
    if not authorization:
        return []
    after = _after(core, payment)
    return [one for one in after if _type_of(one) == "Capture" and one.get("succeeded") is True]


def cards_kept_by(outcome: Outcome) -> tuple[Outcome, ...]:
    """Tell of a kept card as news of its own: that of the charge may be known, from a callback that says no card."""
    if outcome.card is None or outcome.card.token is None:
        return ()
    return (
        Outcome(
            kind=OutcomeKind.CARD_STORED,
            reference=outcome.reference,
            event_key=f"{outcome.reference.gateway}:card",
            occurred_at=outcome.occurred_at,
            card=outcome.card,
        ),
    )


def _with_follow_ups(core: Core, payment: str) -> list[Transaction]:
    found = shown(core, "fetch", payment)
    return [*found, *_after(core, payment)] if found else []


def _after(core: Core, payment: str) -> list[Transaction]:
    """Return what followed a payment; what followed its capture is a refund of the payment to us."""
    names, found = {payment}, []
    for page in _pages(core, {"order": "asc", "since_token": payment}):
        for transaction in page:
            if transaction.get("reference_token") in names:
                names.add(str(transaction.get("token")))
                found.append(_of(transaction, payment))
    return found


def _of(transaction: Transaction, payment: str) -> Transaction:
    return transaction if wire.is_charge(transaction) else {**transaction, "reference_token": payment}


def _newest(core: Core, is_it: Callable[[Transaction], bool], now: datetime) -> list[Transaction]:
    found: list[Transaction] = []
    for page in _pages(core, {"order": "desc"}):
        found.extend(filter(is_it, page))
        oldest = wire.when(page[-1].get("created_at"))
        if oldest is not None and oldest < now - _OLDEST:
            break
    return found


def _pages(core: Core, query: Mapping[str, str]) -> Iterator[list[Transaction]]:
    wish = {**query, "count": str(_PAGE)}
    for _ in range(_PAGES):
        body = core.call("fetch", "GET", f"{core.gateway_path}/transactions.json", query=wish)
        listed = body.get("transactions")
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            raise AnswerLost("spreedly fetch: the answer holds no list of transactions")
        if listed:
            yield listed
        last = listed[-1].get("token") if listed else None
        if len(listed) < _PAGE or not isinstance(last, str):
            return
        wish["since_token"] = last


def _as_it_stands(core: Core, transaction: Transaction, now: datetime) -> Transaction:
    """Have Spreedly ask the processor where it does not know, and end what a guest has left."""
    try:
        token = wire.token_of(transaction)
        if wire.is_unknown(transaction):
            return transaction_of(core.call("fetch", "PATCH", f"/transactions/{token}.json", {}), "fetch")
        left_at = wire.when(transaction.get("updated_at"))
        if wire.is_waiting(transaction) and left_at is not None and left_at < now - _GUEST_IS_GONE:
            return transaction_of(core.call("fetch", "POST", f"/transactions/{token}/complete.json", {}), "fetch")
    except (Stopped, wire.Unreadable):
        pass
    return transaction


def _news(core: Core, transaction: Transaction, now: datetime) -> Iterable[Outcome]:
    if not core.is_here(transaction):
        return ()
    try:
        outcome = wire.news_of(transaction, at=now)
    except wire.Unreadable:
        return ()
    return (outcome, *cards_kept_by(outcome))


def _is_called(transaction: Transaction, names: set[str | None]) -> bool:
    return bool({wire.ours_in(transaction), wire.ours_in(transaction, "description")} & names)


def _type_of(transaction: Transaction) -> str:
    return str(transaction.get("transaction_type") or "")
