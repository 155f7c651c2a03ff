"""A guest at the sandbox's pay page, and what the sandbox sends back; deliveries are handled here instead of by a
worker.
"""

from typing import Any

from bookings.models import Booking
from payments import inbox
from payments.models import Opening
from tests.payments.house import House
from tests.processes import Sandbox, wait_until

CARD = {"number": "4111111111111111", "expiryMonth": "03", "expiryYear": "2030", "cvc": "737"}


class Guest:
    """Pay sessions, and let what the sandbox sends back arrive and be handled."""

    def __init__(self, house: House, sandbox: Sandbox) -> None:
        self.house = house
        self.sandbox = sandbox

    def pay(self, opening: Opening, holder: str = "Ada Byron", **more: Any) -> Any:
        """Pay a session with the published test card; some holder names make the bank refuse."""
        return self.sandbox.post(f"adyen/sessions/{opening.gateway_reference}/pay", **CARD, holderName=holder, **more)

    def lose_webhooks(self) -> None:
        """Let the sandbox drop every webhook from now on."""
        self.sandbox.post("faults", gateway="adyen", operation="webhook", fault="dropped", times=-1)

    def deliver(self) -> None:
        """Let every webhook arrive and be handled."""
        self.sandbox.post("webhooks/flush")
        wait_until(lambda: self.sandbox.get("webhooks/idle")["pending"] == 0, what="the sandbox's queue running empty")
        for delivery_id in inbox.due_deliveries(now=self.house.clock.move(seconds=30)):
            inbox.handle(delivery_id=delivery_id, clock=self.house.clock)


def opening_of(booking: Booking) -> Opening:
    """Return the Opening a guest would be sent to now."""
    return Opening.objects.filter(payment__order=booking.order).latest("created_at")
