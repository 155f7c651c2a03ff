"""Where money of an order goes back to, part by part: which holds are released, which captures refunded, and what gifts
and credit have back. Pure: what is written and what is only shown beforehand are planned by the same words.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from payments.models import Transaction
from payments.selectors import unused_holds_among
from payments.services.tenders import Tender
from payments.splitting import NOTHING, Parts, part_of, share_of
from payments.states import OperationKind, Status

_TAKES = (OperationKind.SALE, OperationKind.CAPTURE)
# In which states what went back is no longer there: a refund that was asked for has its amount reserved.
_COUNTED_RETURNS: dict[str, tuple[Status, ...]] = {
    OperationKind.REFUND: (Status.PENDING, Status.PROCESSED),
    OperationKind.CHARGEBACK: (Status.PROCESSED,),
}


class Obstacle(StrEnum):
    """Name why a part cannot go back by itself."""

    TAKEN_ELSEWHERE = "TAKEN_ELSEWHERE"
    ACCOUNT_OFF = "ACCOUNT_OFF"
    TOO_OLD = "TOO_OLD"
    DISPUTED = "DISPUTED"
    UNDECIDED = "UNDECIDED"
    NOT_FOUND = "NOT_FOUND"


ObstacleOf = Callable[[Transaction], Obstacle | None]


@dataclass(frozen=True, slots=True)
class Refundable:
    """Say what of a sale or capture can still be given back, at most, and in which parts its attempt as a whole can."""

    amount_minor: int
    attempt: Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Be one way back: the release or refund of `parent`, or what a gift or a credit has back of its `tender`.

    With an `obstacle` it does not go by itself; a part of which nobody knows where it came from has nothing but that.
    """

    parts: Parts
    parent: Transaction | None = None
    kind: OperationKind | None = None
    tender: Tender | None = None
    obstacle: Obstacle | None = None


def nothing_stands_in_the_way(_: Transaction) -> Obstacle | None:
    """Return None."""
    return None


class WaysBack:
    """Plan where amounts of one order go back to, each beside what was planned before it.

    `operations` are all of the order's, read under its lock where the plan is to be written.
    """

    def __init__(
        self,
        operations: Iterable[Transaction],
        *,
        returns_surcharge: bool = True,
        obstacle_of: ObstacleOf = nothing_stands_in_the_way,
    ) -> None:
        self._rows = {row.pk: row for row in operations}
        self._returns_surcharge = returns_surcharge
        self._obstacle_of = obstacle_of
        self._released: set[UUID] = set()
        self._returned: dict[UUID, Parts] = defaultdict(lambda: NOTHING)
        self._given: dict[tuple[UUID | None, UUID | None], int] = defaultdict(int)

    def plan(self, amount_minor: int, tenders: Sequence[Tender]) -> list[Way]:
        """Give so much of the price back, newest first: gift to gift, credit to credit, card to card.

        `tenders` are what gifts and credit paid, newest first. What none of them can take is left, and the caller
        compares.
        """
        ways: list[Way] = []
        left = amount_minor
        for tender in tenders:
            # What cards paid after this tender did goes first.
            ways += self.plan_cards(left, asked_after=tender.paid_at)
            left = amount_minor - base_of(ways)
            if left <= 0:
                return ways
            key = (tender.gift_id, tender.customer_id)
            part = min(left, tender.amount_minor - self._given[key])
            if part > 0:
                self._given[key] += part
                left -= part
                ways.append(Way(parts=Parts(part, 0), tender=tender))
        return ways + self.plan_cards(left)

    def plan_cards(
        self, amount_minor: int, *, newest: Transaction | None = None, asked_after: datetime | None = None
    ) -> list[Way]:
        """Give so much of the price back to cards: holds are released first, then captures refunded, newest first.

        The share of the surcharge that was paid on it goes back with it, unless the surcharge is kept; all of it with
        the last of the price, and a donation with it. A hold is released whole or not at all. Only what was asked
        after `asked_after` is looked at.
        """
        rows = [*self._taken(), *self._holds()]
        rows = [row for row in rows if asked_after is None or row.requested_at > asked_after]
        rows.sort(key=lambda row: (row != newest, row.kind != OperationKind.AUTHORIZATION))
        ways: list[Way] = []
        left = amount_minor
        for row in rows:
            if left <= 0:
                break
            if row.kind == OperationKind.AUTHORIZATION:
                if row.parts.base_minor <= left:
                    self._released.add(row.pk)
                    ways.append(self._way(row, OperationKind.VOID, row.parts))
                    left -= row.parts.base_minor
                continue
            parts = self._returned_of(self.refundable_of(row), left)
            if parts.amount_minor > 0:
                ways.append(self._refund(row, parts))
                left -= parts.base_minor
        return ways

    def plan_amount(self, taken: Iterable[Transaction], amount_minor: int) -> list[Way]:
        """Give an amount back from these sales and captures in their order, as far as they go.

        Of each attempt the price goes back first, then the surcharge, and the donation last.
        """
        ways = []
        left = amount_minor
        for row in taken:
            there = self.refundable_of(row)
            amount = min(left, there.amount_minor)
            if amount > 0:
                ways.append(self._refund(row, part_of(amount, there.attempt)))
                left -= amount
        return ways

    def plan_leftovers(self) -> list[Way]:
        """Give back the surcharges and donations whose price has gone back, or is going back, without them."""
        ways = []
        for row in self._taken():
            there = self.refundable_of(row)
            if there.attempt.base_minor == 0 and there.amount_minor > 0:
                ways.append(self._refund(row, part_of(there.amount_minor, there.attempt)))
        return ways

    def refundable_of(self, taken: Transaction) -> Refundable:
        """Return what of a sale or capture is neither given back nor being given back, surcharge and donation included.

        A processor names the payment, not the capture, when it tells of a refund or chargeback of its own; so what has
        gone back is counted over the whole payment at the gateway.
        """
        root_id = self._root_of(taken)
        there = NOTHING - self._returned[root_id]
        for row in self._rows.values():
            if self._root_of(row) != root_id:
                continue
            if row.kind in _TAKES and row.status == Status.PROCESSED:
                there = there + row.parts
            elif row.status in _COUNTED_RETURNS.get(row.kind, ()):
                there = there - row.parts
        amount = max(0, there.amount_minor)
        surcharge = max(0, min(there.surcharge_minor, amount))
        donation = max(0, min(there.donation_minor, amount - surcharge))
        return Refundable(amount_minor=min(taken.amount_minor, amount), attempt=Parts.of(amount, surcharge, donation))

    def held_minor(self) -> int:
        """Return what is still held of the price, and neither captured nor planned to be released."""
        return sum(row.parts.base_minor for row in self._holds())

    def _taken(self) -> list[Transaction]:
        rows = [row for row in self._rows.values() if row.kind in _TAKES and row.status == Status.PROCESSED]
        return sorted(rows, key=lambda row: (row.requested_at, row.pk), reverse=True)

    def _holds(self) -> list[Transaction]:
        holds = unused_holds_among(self._rows.values())
        return [row for row in reversed(holds) if row.pk not in self._released]

    def _root_of(self, row: Transaction) -> UUID:
        """Return the id of the sale or authorization an operation goes back to; its own where nobody said."""
        while row.parent_id is not None and row.parent_id in self._rows:
            row = self._rows[row.parent_id]
        return row.pk

    def _refund(self, taken: Transaction, parts: Parts) -> Way:
        root_id = self._root_of(taken)
        self._returned[root_id] = self._returned[root_id] + parts
        return self._way(taken, OperationKind.REFUND, parts)

    def _way(self, parent: Transaction, kind: OperationKind, parts: Parts) -> Way:
        return Way(parts=parts, parent=parent, kind=kind, obstacle=self._obstacle_of(parent))

    def _returned_of(self, there: Refundable, wanted_minor: int) -> Parts:
        """Return what goes back of a sale or capture when so much of the price is to."""
        room = there.attempt
        if not self._returns_surcharge:
            room = Parts(room.base_minor, 0, room.donation_minor)
        base = min(wanted_minor, room.base_minor, there.amount_minor)
        if base <= 0:
            return NOTHING
        if share_of(base, room).amount_minor > there.amount_minor:
            # One of several captures: as much of the price as leaves room for its share of the surcharge.
            base = there.amount_minor * room.base_minor // room.amount_minor
        return share_of(base, room)


def base_of(ways: Iterable[Way]) -> int:
    """Return how much of a price goes back by these ways, in minor units."""
    return sum(way.parts.base_minor for way in ways)
