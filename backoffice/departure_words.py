"""What is said of cancelled departures to staff."""

from bookings.models import Availability, Booking
from bookings.rules import zone_of
from bookings.services.customers import guest_name
from payments.services.calling_off import Remark
from payments.services.ways_back import Obstacle

OBSTACLES: dict[str, str] = {
    Obstacle.TAKEN_ELSEWHERE: "taken elsewhere: give it back there, and write it down at the payment",
    Obstacle.ACCOUNT_OFF: "its gateway account is switched off or cannot be used",
    Obstacle.TOO_OLD: "too old: its gateway takes no refund any more",
    Obstacle.DISPUTED: "a dispute is open: a refund beside it could pay the guest twice",
    Obstacle.UNDECIDED: "an operation is undecided: it goes back as soon as that is known",
    Obstacle.NOT_FOUND: "no payment is found that it could go back to",
}
REMARKS: dict[str, str] = {
    Remark.REDEEMED: "redeemed: it is not cancelled, and a person decides",
    Remark.PARTNER_SETTLES: "the partner settles with the guest: nothing to give back by us",
    Remark.ALREADY_GIVEN_BACK: "everything has gone back already",
    Remark.NOTHING_PAID: "nothing was paid",
    Remark.ENDED_OTHERWISE: "it was cancelled or moved, or had run out, before its turn came",
}


def departure_in_words(departure: Availability) -> str:
    """Name a departure by product, option and local start; read it with its option's product."""
    option = departure.option
    start = departure.starts_at.astimezone(zone_of(option.product))
    return f"{option.product.name} · {option.name} · {start:%Y-%m-%d %H:%M %Z}"


def guest_of(booking: Booking) -> str:
    """Return how staff know whose booking it is."""
    return guest_name(booking) or booking.contact_email or "–"
