"""From an agent's desk to the books and back: the payments resource over real HTTP, with a real worker behind it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.utils import timezone

from bookings.models import Booking
from bookings.services import mint_partner_key
from gateways.models import GatewayAccount
from tests.api.resource.desk import CARD
from tests.journeys.trip import Trip

NINETY_EUROS = 9000


class AgentDesk:
    """Speak the payments resource over real HTTP."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, path: str) -> dict[str, Any]:
        """Return what is there."""
        answer = self._client.get(path)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def pay(self, booking: Booking, amount: str, *, holder: str = "Ada Byron", **fields: Any) -> dict[str, Any]:
        """Charge a card and return the payment, whatever became of it."""
        assert booking.order.customer is not None
        wish = {
            "booking": {"id": str(booking.number)},
            "customer": {"id": str(booking.order.customer.number)},
            "amount": amount,
            "details": {**CARD, "name_on_card": holder},
            **fields,
        }
        answer = self._client.post("/payments/", json=wish)
        assert answer.status_code == 201, answer.text
        payment: dict[str, Any] = answer.json()
        return payment

    def statuses(self, booking: Booking, what: str = "payments") -> list[tuple[str, str]]:
        """Return status and amount of a booking's payments or refunds, oldest first."""
        return [(row["status"], row["amount"]) for row in self.get(f"/bookings/{booking.number}/{what}")["results"]]


@pytest.fixture
def desk(trip: Trip, live_server: Any) -> Iterator[AgentDesk]:
    GatewayAccount.objects.filter(gateway="adyen").update(takes_raw_cards=True)
    partner = trip.house.partner
    key = mint_partner_key(partner=partner, dialects=["resource"], is_live=True, label="", now=timezone.now())[1]
    headers = {"X-Application-Key": key}
    with httpx.Client(base_url=live_server.url, headers=headers, timeout=90, trust_env=False) as client:
        yield AgentDesk(client)


def booking_of(held: Any) -> Booking:
    return Booking.objects.select_related("order__customer").get(uuid=held.uuid)


def test_refused_paid_in_two_parts_with_a_lost_answer_and_given_back(trip, desk):
    held = trip.hold(returnUrl=None)
    booking = booking_of(held)

    assert desk.pay(booking, "90.00", holder="NOT_ENOUGH_BALANCE")["error"]["code"] == "CREDIT_LIMIT_EXCEEDED"
    assert desk.pay(booking, "30.00", note="first part")["status"] == "PROCESSED"
    trip.fault("payments", "answer_lost")
    lost = desk.pay(booking, "60.00")
    assert lost["status"] == "PENDING"

    trip.until(lambda: desk.get(f"/payments/{lost['id']}")["status"] == "PROCESSED", "the webhook telling")
    trip.until(lambda: held.status == "CONFIRMED", "the confirmation")
    assert desk.statuses(booking) == [("FAILED", "90.00"), ("PROCESSED", "30.00"), ("PROCESSED", "60.00")]
    assert held.books == {"RECEIVABLE>CLEARING": NINETY_EUROS}

    held.cancel()
    trip.until(lambda: {one for one, _ in desk.statuses(booking, "refunds")} == {"PROCESSED"}, "the refunds")
    assert sorted(amount for _, amount in desk.statuses(booking, "refunds")) == ["30.00", "60.00"]
    shown = desk.get(f"/bookings/{booking.number}")
    assert (shown["amount_paid"], shown["amount_owing"], shown["amount_pending"]) == ("0.00", "0.00", "0.00")
    trip.settle()
    assert held.books == {"RECEIVABLE>CLEARING": NINETY_EUROS, "CLEARING>RECEIVABLE": NINETY_EUROS}
    assert held.cases == set()


def test_held_at_the_desk_captured_by_staff_and_confirmed(trip, desk):
    held = trip.hold(returnUrl=None)
    booking = booking_of(held)

    payment = desk.pay(booking, "90.00", capture=False)
    assert (payment["status"], held.status) == ("PENDING", "ON_HOLD")
    held.confirm()

    trip.until(lambda: desk.get(f"/payments/{payment['id']}")["status"] == "PROCESSED", "the capture")
    trip.settle()
    assert held.books == {"RECEIVABLE>CLEARING": NINETY_EUROS}
