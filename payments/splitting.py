"""How an amount that moved divides into the price it pays, the surcharge on it and a donation.

Pure; arrival order never matters.

A guest agreed to pay a base, a surcharge and perhaps a donation in one attempt. What is taken of it, and what goes back
of what was taken, is split by one rule: an operation of ours is what we asked it to be; whatever a gateway did by
itself, and whatever a gateway moved otherwise than asked, is base first, then surcharge, and the donation last. What is
beyond all of them is base. So neither a surcharge nor a donation ever covers a price, and no more of either is taken
than was agreed, or given back than was taken.
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
    donation_minor: int = 0

    @classmethod
    def of(cls, amount_minor: int, surcharge_minor: int, donation_minor: int = 0) -> "Parts":
        """Return the parts of an amount that has this surcharge and this donation in it."""
        return cls(amount_minor - surcharge_minor - donation_minor, surcharge_minor, donation_minor)

    @property
    def amount_minor(self) -> int:
        """Return the whole."""
        return self.base_minor + self.surcharge_minor + self.donation_minor

    def __add__(self, other: "Parts") -> "Parts":
        return Parts(
            self.base_minor + other.base_minor,
            self.surcharge_minor + other.surcharge_minor,
            self.donation_minor + other.donation_minor,
        )

    def __sub__(self, other: "Parts") -> "Parts":
        return Parts(
            self.base_minor - other.base_minor,
            self.surcharge_minor - other.surcharge_minor,
            self.donation_minor - other.donation_minor,
        )


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

    `agreed` is what the guest agreed to pay in each attempt; an attempt that is not there was all price.
    """
    taken: dict[str, list[Movement]] = defaultdict(list)
    returned: dict[str, list[Movement]] = defaultdict(list)
    for movement in sorted(movements, key=lambda one: (one.asked is None, one.told_at, one.key, one.operation)):
        (returned if movement.is_return else taken)[movement.attempt].append(movement)
    found: dict[str, Parts] = {}
    for attempt in taken.keys() | returned.keys():
        takes = _fill(agreed.get(attempt, NOTHING), taken[attempt])
        there = sum(takes.values(), NOTHING)
        found |= takes | _fill(there, returned[attempt])
    return found


def part_of(amount_minor: int, room: Parts) -> Parts:
    """Return the parts of an amount that is taken from some room: base first, then surcharge, and the donation last."""
    beyond_base = max(0, amount_minor - max(0, room.base_minor))
    surcharge = min(beyond_base, max(0, room.surcharge_minor))
    return Parts.of(amount_minor, surcharge, min(beyond_base - surcharge, max(0, room.donation_minor)))


def share_of(base_minor: int, room: Parts) -> Parts:
    """Return what moves with part of a base: of the surcharge in proportion, half up, and all with all of the base; the
    donation with the last of it and not before.
    """
    if base_minor >= room.base_minor:
        return Parts(base_minor, room.surcharge_minor, room.donation_minor)
    surcharge = (2 * room.surcharge_minor * base_minor + room.base_minor) // (2 * room.base_minor)
    return Parts(base_minor, surcharge)


def _fill(room: Parts, movements: Iterable[Movement]) -> dict[str, Parts]:
    """Give each movement its parts of what is there, those we asked for before those we were told of."""
    found: dict[str, Parts] = {}
    for movement in movements:
        wanted = room
        if movement.asked is not None:
            wanted = Parts(
                movement.asked.base_minor,
                min(movement.asked.surcharge_minor, room.surcharge_minor),
                min(movement.asked.donation_minor, room.donation_minor),
            )
        parts = part_of(movement.amount_minor, wanted)
        found[movement.operation] = parts
        room -= parts
    return found
