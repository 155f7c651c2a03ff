"""What a payment's state is: a fold over what gateways said. Pure; arrival order never matters.

Facts are grouped by the operation they speak of. Within one the last word by (occurred_at, rank, event key) counts,
with one exception that the vendors document: a payment that was authorized is never un-authorized by a refusal of the
same attempt. Amounts are sums over operations; a cumulative figure states a total. Money facts outrank hopes, and among
hopes the latest Opening or charge speaks.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateways.protocol import OutcomeKind as Kind


class State(StrEnum):
    """Name where a payment stands; partial refunds and short captures are sums, not states."""

    CREATED = "CREATED"
    ACTION_REQUIRED = "ACTION_REQUIRED"
    PENDING = "PENDING"
    AUTHORIZED = "AUTHORIZED"
    CAPTURED = "CAPTURED"
    REFUNDED = "REFUNDED"
    VOIDED = "VOIDED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class OperationKind(StrEnum):
    """Name what an operation does to money."""

    SALE = "SALE"
    AUTHORIZATION = "AUTHORIZATION"
    CAPTURE = "CAPTURE"
    VOID = "VOID"
    REFUND = "REFUND"
    CHARGEBACK = "CHARGEBACK"


class Status(StrEnum):
    """Name how far one operation is."""

    PENDING = "PENDING"
    FAILED = "FAILED"
    PROCESSED = "PROCESSED"


# Which words decide an operation of a kind, and what they make of it. Anything else said about it is a hope or a note.
_DECIDES: dict[OperationKind, dict[Kind, Status]] = {
    OperationKind.SALE: {
        Kind.CAPTURED: Status.PROCESSED,
        Kind.AUTHORIZED: Status.PROCESSED,
        Kind.CAPTURE_FAILED: Status.FAILED,
        Kind.DECLINED: Status.FAILED,
        Kind.EXPIRED: Status.FAILED,
    },
    OperationKind.AUTHORIZATION: {
        Kind.AUTHORIZED: Status.PROCESSED,
        Kind.DECLINED: Status.FAILED,
        Kind.EXPIRED: Status.FAILED,
    },
    OperationKind.CAPTURE: {
        Kind.CAPTURED: Status.PROCESSED,
        Kind.CAPTURE_FAILED: Status.FAILED,
        Kind.DECLINED: Status.FAILED,
    },
    OperationKind.VOID: {Kind.VOIDED: Status.PROCESSED, Kind.VOID_FAILED: Status.FAILED},
    OperationKind.REFUND: {
        Kind.REFUNDED: Status.PROCESSED,
        Kind.REFUND_FAILED: Status.FAILED,
        Kind.REFUND_REVERSED: Status.FAILED,
    },
    OperationKind.CHARGEBACK: {Kind.CHARGEBACK: Status.PROCESSED, Kind.CHARGEBACK_REVERSED: Status.FAILED},
}
# Of two words with the same time the one that moves more money, or moves it later, is the later word.
_RANK: dict[Kind, int] = {
    Kind.NOTE: 0,
    Kind.ACTION_REQUIRED: 1,
    Kind.PENDING: 2,
    Kind.EXPIRED: 3,
    Kind.DECLINED: 4,
    Kind.AUTHORIZED: 5,
    Kind.CAPTURED: 6,
    Kind.CAPTURE_FAILED: 7,
    Kind.VOID_FAILED: 8,
    Kind.VOIDED: 9,
    Kind.REFUNDED: 10,
    Kind.REFUND_FAILED: 11,
    Kind.REFUND_REVERSED: 12,
    Kind.DISPUTE_OPENED: 13,
    Kind.CHARGEBACK: 14,
    Kind.CHARGEBACK_REVERSED: 15,
}
_HOPES: dict[Kind, State] = {
    Kind.ACTION_REQUIRED: State.ACTION_REQUIRED,
    Kind.PENDING: State.PENDING,
    Kind.DECLINED: State.FAILED,
    Kind.EXPIRED: State.EXPIRED,
}
# A refusal may be corrected by the same attempt's success, and never the other way round.
_REFUSALS = frozenset({Kind.DECLINED, Kind.EXPIRED})
_SUCCESSES = frozenset({Kind.AUTHORIZED, Kind.CAPTURED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Be one thing a gateway said about one operation of a payment.

    `attempt` names the Opening or charge it belongs to and `attempted_at` when that began; `parent` names the
    authorization a capture or void speaks of. `amount_minor` is in the payment's currency.
    """

    operation: str
    operation_kind: OperationKind | None
    kind: Kind
    key: str
    occurred_at: datetime
    attempt: str = ""
    attempted_at: datetime | None = None
    parent: str = ""
    amount_minor: int = 0
    is_cumulative: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """Say how one operation stands: its status, the money it moved, in minor units, and the word that decided it."""

    status: Status
    amount_minor: int
    word: Kind
    key: str
    told_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Say how a payment stands. `authorized_minor` is what is still held: authorized, not captured and not released."""

    state: State
    authorized_minor: int
    captured_minor: int
    refunded_minor: int
    charged_back_minor: int
    operations: Mapping[str, Standing]


def derive(facts: Iterable[Fact]) -> Position:
    """Fold what gateways said into a position; any order of the same facts gives the same answer."""
    ordered = sorted(facts, key=_order)
    by_operation: dict[str, list[Fact]] = defaultdict(list)
    for fact in ordered:
        if fact.operation and fact.operation_kind is not None:
            by_operation[fact.operation].append(fact)
    standings = {operation: _standing(said) for operation, said in by_operation.items()}
    kinds = {operation: said[0].operation_kind for operation, said in by_operation.items()}
    parents = {operation: next((f.parent for f in said if f.parent), "") for operation, said in by_operation.items()}

    voided = {
        parents[operation]
        for operation, standing in standings.items()
        if kinds[operation] is OperationKind.VOID and standing.status is Status.PROCESSED
    }

    def total(*wanted: OperationKind) -> int:
        return sum(
            standing.amount_minor
            for operation, standing in standings.items()
            if kinds[operation] in wanted and standing.status is Status.PROCESSED and operation not in voided
        )

    captured = max(total(OperationKind.SALE, OperationKind.CAPTURE), _stated_total(ordered, Kind.CAPTURED))
    refunded = max(total(OperationKind.REFUND), _stated_total(ordered, Kind.REFUNDED))
    held = _held(standings, kinds, parents, voided)
    return Position(
        state=_state(ordered, standings, captured, refunded, held, bool(voided)),
        authorized_minor=held,
        captured_minor=captured,
        refunded_minor=refunded,
        charged_back_minor=total(OperationKind.CHARGEBACK),
        operations=standings,
    )


def _order(fact: Fact) -> tuple[datetime, int, str]:
    return (fact.occurred_at, _RANK.get(fact.kind, 0), fact.key)


def _standing(said: list[Fact]) -> Standing:
    """Say how one operation stands, from its facts in order."""
    kind = said[0].operation_kind
    assert kind is not None
    decides = _DECIDES[kind]
    deciding = [fact for fact in said if fact.kind in decides]
    if any(fact.kind in _SUCCESSES for fact in deciding):
        deciding = [fact for fact in deciding if fact.kind not in _REFUSALS or kind is OperationKind.CAPTURE]
    if kind is OperationKind.SALE and any(f.kind in (Kind.CAPTURED, Kind.CAPTURE_FAILED) for f in deciding):
        # A late authorization of a sale that was captured, or whose capture failed, says nothing new.
        deciding = [fact for fact in deciding if fact.kind is not Kind.AUTHORIZED]
    if not deciding:
        return Standing(Status.PENDING, said[-1].amount_minor, said[-1].kind, said[-1].key, said[-1].occurred_at)
    last = deciding[-1]
    return Standing(decides[last.kind], last.amount_minor, last.kind, last.key, last.occurred_at)


def _held(
    standings: Mapping[str, Standing],
    kinds: Mapping[str, OperationKind | None],
    parents: Mapping[str, str],
    voided: set[str],
) -> int:
    """Sum what authorizations still hold: less what was captured; nothing once released or once a capture failed."""
    held = 0
    for operation, standing in standings.items():
        if kinds[operation] is not OperationKind.AUTHORIZATION or standing.status is not Status.PROCESSED:
            continue
        captures = [
            standings[child]
            for child, parent in parents.items()
            if parent == operation and kinds[child] is OperationKind.CAPTURE
        ]
        # A first capture releases the rest at most issuers, and a failed one leaves nothing that can be relied on.
        if operation in voided or any(capture.status is not Status.PENDING for capture in captures):
            continue
        held += standing.amount_minor
    return held


def _stated_total(ordered: list[Fact], kind: Kind) -> int:
    totals = [fact.amount_minor for fact in ordered if fact.is_cumulative and fact.kind is kind]
    return max(totals, default=0)


def _state(
    ordered: list[Fact],
    standings: Mapping[str, Standing],
    captured: int,
    refunded: int,
    held: int,
    has_void: bool,
) -> State:
    if captured and refunded < captured:
        return State.CAPTURED
    if captured or refunded:
        return State.REFUNDED
    if held:
        return State.AUTHORIZED
    if has_void:
        return State.VOIDED
    if any(standing.word is Kind.CAPTURE_FAILED for standing in standings.values()):
        return State.FAILED
    return _hope(ordered)


def _hope(ordered: list[Fact]) -> State:
    """Let the latest Opening or charge speak, by its last word."""
    hopes = [fact for fact in ordered if fact.kind in _HOPES and fact.attempted_at is not None]
    if not hopes:
        return State.CREATED
    latest = max(hopes, key=lambda fact: (fact.attempted_at or fact.occurred_at, fact.attempt))
    return _HOPES[[fact for fact in hopes if fact.attempt == latest.attempt][-1].kind]
