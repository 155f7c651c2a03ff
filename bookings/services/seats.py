from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from bookings.errors import SoldOut
from bookings.models import Availability


def room_for(seats: int) -> Q:
    """Be the condition under which a departure takes this many more seats."""
    return Q(is_closed=False) & (Q(capacity__isnull=True) | Q(capacity__gte=F("reserved") + seats))


def move_seats(deltas: dict[UUID, int]) -> None:
    """Add to and take from what departures have reserved, all or nothing.

    One UPDATE per departure tests and takes at once: its row lock is the lock, PostgreSQL tests the condition again
    after waiting for it, and the row is locked only until the caller commits. Departures go in pk order, so that two
    moves in opposite directions cannot wait for each other.

    :raises SoldOut: a departure is closed or has too few seats.
    """
    with transaction.atomic(savepoint=False):
        for availability_id, seats in sorted(deltas.items()):
            if seats > 0:
                _take(availability_id, seats)
            elif seats < 0:
                Availability.objects.filter(pk=availability_id).update(reserved=F("reserved") + seats)


def _take(availability_id: UUID, seats: int) -> None:
    departures = Availability.objects.filter(room_for(seats), pk=availability_id)
    try:
        taken = departures.update(reserved=F("reserved") + seats)
    except IntegrityError as error:  # the constraint capacity_never_oversold, should the condition ever fail
        raise SoldOut(str(availability_id)) from error
    if not taken:
        raise SoldOut(str(availability_id))
