"""How an amount that moved divides into the price it pays and the surcharge on it. Pure; arrival order never matters.

A guest agreed to pay a base and a surcharge for one attempt. What is taken of it, and what goes back of what was taken,
is split by one rule: an operation of ours is what we asked it to be; whatever a gateway did by itself, and whatever a
gateway moved otherwise than asked, is base first and surcharge last. What is beyond both is base. So a surcharge never
covers a price, and no more surcharge is taken than was agreed, or given back than was taken.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Parts:
    """Be an amount in its parts, in minor units."""

    base_minor: int
    surcharge_minor: int

    @classmethod
    def of(cls, amount_minor: int, surcharge_minor: int) -> "Parts":
        """Return the parts of an amount that has this surcharge in it."""
        return cls(amount_minor - surcharge_minor, surcharge_minor)

    @property
    def amount_minor(self) -> int:
        """Return the whole."""
        return self.base_minor + self.surcharge_minor

    def __sub__(self, other: "Parts") -> "Parts":
        return Parts(self.base_minor - other.base_minor, self.surcharge_minor - other.surcharge_minor)


NOTHING = Parts(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Be one operation that moved money, as the gateway told it.

    `attempt` names the sale or authorization it goes back to, `asked` is what we asked the operation to be, None where
    we did not. `told_at` and `key` order what one attempt's operations share, and are the gateway's, not ours.
    """

    operation: str
    attempt: str
    is_return: bool
    amount_minor: int
    told_at: datetime
    key: str
    asked: Parts | None = None


def split(movements: Iterable[Movement], *, agreed: Mapping[str, Parts]) -> dict[str, Parts]:
    """Return the parts of every movement, by operation.

    `agreed` is what the guest agreed to pay in each attempt; an attempt that is not there had no surcharge.
    """
    taken: dict[str, list[Movement]] = defaultdict(list)
    returned: dict[str, list[Movement]] = defaultdict(list)
    for movement in sorted(movements, key=lambda one: (one.asked is None, one.told_at, one.key, one.operation)):
        (returned if movement.is_return else taken)[movement.attempt].append(movement)
    found: dict[str, Parts] = {}
    for attempt in taken.keys() | returned.keys():
        takes = _fill(agreed.get(attempt, NOTHING), taken[attempt])
        there = Parts(
            sum(parts.base_minor for parts in takes.values()), sum(parts.surcharge_minor for parts in takes.values())
        )
        found |= takes | _fill(there, returned[attempt])
    return found


def part_of(amount_minor: int, room: Parts) -> Parts:
    """Return the parts of an amount that is taken from some room, base first and surcharge last."""
    beyond_base = max(0, amount_minor - max(0, room.base_minor))
    return Parts.of(amount_minor, min(beyond_base, max(0, room.surcharge_minor)))


def share_of(base_minor: int, room: Parts) -> int:
    """Return the surcharge that goes with part of a base: in proportion, half up; all of it with all of the base."""
    if base_minor >= room.base_minor:
        return room.surcharge_minor
    return (2 * room.surcharge_minor * base_minor + room.base_minor) // (2 * room.base_minor)


def _fill(room: Parts, movements: Iterable[Movement]) -> dict[str, Parts]:
    """Give each movement its parts of what is there, those we asked for before those we were told of."""
    found: dict[str, Parts] = {}
    for movement in movements:
        wanted = room
        if movement.asked is not None:
            wanted = Parts(movement.asked.base_minor, min(movement.asked.surcharge_minor, room.surcharge_minor))
        parts = part_of(movement.amount_minor, wanted)
        found[movement.operation] = parts
        room -= parts
    return found
