"""A guest at the sandbox's pay page; what the sandbox sends back is handled here instead of by a worker."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from payments import inbox
from tests.processes import Sandbox, wait_until

CARD = {"number": "4111111111111111", "expiryMonth": "03", "expiryYear": "2030", "cvc": "737"}


class Guest:
    """Pay the session a booking shows, and let the webhooks arrive."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def pay(self, booking: dict[str, Any], *, holder: str = "Ada Byron") -> dict[str, Any]:
        """Pay with the published test card; some holder names make the bank refuse. Return what the browser gets."""
        session = booking["cardPayment"]["adyen"]["session"]["id"]
        answer: dict[str, Any] = self.sandbox.post(f"adyen/sessions/{session}/pay", **CARD, holderName=holder)
        return answer

    def fail(self, operation: str, fault: str, *, times: int = 1) -> None:
        """Script a fault of the gateway."""
        self.sandbox.post("faults", gateway="adyen", operation=operation, fault=fault, times=times)

    def deliver(self) -> None:
        """Let every webhook arrive and be handled."""
        self.sandbox.post("webhooks/flush")
        wait_until(lambda: self.sandbox.get("webhooks/idle")["pending"] == 0, what="the sandbox's queue running empty")
        for delivery_id in inbox.due_deliveries(now=timezone.now() + timedelta(minutes=1)):
            inbox.handle(delivery_id=delivery_id, clock=timezone.now)
