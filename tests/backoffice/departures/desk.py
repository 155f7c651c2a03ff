"""What tests of cancelled departures do as staff, and what they read afterwards."""

from collections import Counter
from typing import Any

from django.contrib.auth.models import User

from backoffice.models import DepartureCancellation, DepartureItem, DepartureReturn, ReturnWay
from backoffice.services.departure_batch import drain_departures
from backoffice.services.departure_plans import DryRun, dry_run
from backoffice.services.departures import cancel_departures
from bookings.models import Booking
from payments.models import LedgerEntry
from payments.states import Status
from tests.payments.guest import Guest, opening_of
from tests.payments.house import House


def departures_of(house: House) -> list[Any]:
    """Return the ids of all departures."""
    return list(house.option.availabilities.values_list("pk", flat=True))


def rehearse(house: House) -> DryRun:
    """Return the dry run of all departures."""
    return dry_run(departure_ids=departures_of(house), now=house.clock())


def cancel(house: House, person: User, *, found: DryRun | None = None, **fields: Any) -> DepartureCancellation:
    """Cancel all departures as their dry run says."""
    fingerprint = (found or rehearse(house)).fingerprint
    return cancel_departures(
        person=person,
        departure_ids=departures_of(house),
        reason="storm warning",
        fingerprint=fingerprint,
        now=house.clock(),
        **fields,
    )


def drain(house: House, guest: Guest | None = None, *, rounds: int = 3) -> None:
    """Do what workers do every few seconds, and let the gateway's news arrive."""
    for _ in range(rounds):
        drain_departures(clock=house.clock)
        if guest is not None:
            guest.deliver()
        house.clock.move(seconds=61)
    drain_departures(clock=house.clock)


def paid_online(house: House, guest: Guest, **fields: Any) -> Booking:
    """Return a hold that a guest has paid at the sandbox: taken in EUR, held in USD."""
    booking = house.reserve(**fields)
    guest.pay(opening_of(booking))
    guest.deliver()
    return booking


def states(cancellation: DepartureCancellation) -> dict[str, int]:
    """Return how many bookings are in which state."""
    return dict(Counter(cancellation.items.values_list("state", flat=True)))


def item_of(booking: Booking) -> DepartureItem:
    """Return the newest item of a booking."""
    return DepartureItem.objects.filter(booking=booking).latest("id")


def came_back(cancellation: DepartureCancellation) -> int:
    """Return what the report says went back in money of ours: cards, gifts and credit, in minor units."""
    returned = DepartureReturn.objects.filter(item__cancellation=cancellation).exclude(
        way__in=[ReturnWay.BY_HAND, ReturnWay.RELEASE]
    )
    return sum(
        each.amount_minor
        for each in returned.select_related("transaction")
        if each.transaction is None or each.transaction.status == Status.PROCESSED
    )


def returned_in_the_ledger(cancellation: DepartureCancellation) -> int:
    """Return what the ledger says went back for the orders of a cancellation, in minor units."""
    orders = cancellation.items.values_list("order", flat=True)
    entries = LedgerEntry.objects.filter(order__in=orders)
    by_card = entries.filter(from_account="CLEARING", transaction__kind="REFUND")
    by_tender = entries.filter(from_account__in=["GIFT_LIABILITY", "CUSTOMER_CREDIT"], to_account="RECEIVABLE")
    return sum(entry.amount_minor for entry in [*by_card, *by_tender])
