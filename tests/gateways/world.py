"""What the conformance suite must be told about each gateway, and nothing more."""

from typing import Any

from gateways.protocol import (
    CaptureRequest,
    ChargeRequest,
    CompleteRequest,
    Decline,
    Delivery,
    Gateway,
    OpenRequest,
    Reference,
    RefundRequest,
    RevokeCardRequest,
    VoidRequest,
)
from money import Money
from tests.gateways.examples import Examples
from tests.gateways.scripted_server import Asked


class World:
    """Examples of one gateway's requests, answers and deliveries.

    A gateway is found in `settings.GATEWAYS`, and its world in `tests.gateways.<slug>_world.<Slug>World`.
    """

    # By the names that this processor gives.
    examples: Examples
    # Texts that must turn up in no log, repr, raw or error.
    secrets: tuple[str, ...] = ()

    def gateway(self, base_url: str, **more: str) -> Gateway:
        """Return the gateway of an account at this address, with `more` credentials."""
        raise NotImplementedError

    def open_request(self, money: Money) -> OpenRequest:
        return self.examples.open_request(money, email="ada@example.com")

    def charge_request(self, money: Money) -> ChargeRequest:
        return self.examples.charge_request(money)

    def complete_request(self) -> CompleteRequest:
        return self.examples.complete_request()

    def capture_request(self, money: Money) -> CaptureRequest:
        return self.examples.capture_request(money)

    def void_request(self) -> VoidRequest:
        return self.examples.void_request()

    def refund_request(self, money: Money) -> RefundRequest:
        return self.examples.refund_request(money)

    def revoke_request(self) -> RevokeCardRequest:
        return self.examples.revoke_request()

    def fetch_reference(self) -> Reference:
        """Return the name of something that the gateway could be asked about."""
        return Reference(gateway=self.examples.payment)

    def told_amount(self, body: Any) -> tuple[int, str]:
        """Return value and currency as the processor reads them from a request's body."""
        raise NotImplementedError

    def amount_told(self, asked: Asked, money: Money) -> tuple[int, str]:
        """Return the amount of a request that was to tell `money`, as the processor reads it."""
        return self.told_amount(asked.json)

    def tellable(self, money: Money) -> Money:
        """Return an amount like this one that the processor can be told."""
        return money

    def refusals(self) -> list[Decline]:
        """Return what becomes of every refusal the vendor documents, and of one it does not."""
        return []

    def answers(self) -> dict[str, tuple[int, Any]]:
        """Return a good answer for every verb that goes over the wire: status and JSON."""
        return {}

    def genuine(self) -> list[Delivery]:
        return []

    def forged(self) -> list[Delivery]:
        return []
