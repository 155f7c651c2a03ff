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
    RefundRequest,
    RevokeCardRequest,
    VoidRequest,
)
from money import Money


class World:
    """Examples of one gateway's requests, answers and deliveries.

    A gateway is found in `settings.GATEWAYS`, and its world in `tests.gateways.<slug>_world.<Slug>World`.
    """

    # Texts that must turn up in no log, repr, raw or error.
    secrets: tuple[str, ...] = ()

    def gateway(self, base_url: str) -> Gateway:
        raise NotImplementedError

    def open_request(self, money: Money) -> OpenRequest:
        raise NotImplementedError

    def charge_request(self, money: Money) -> ChargeRequest:
        raise NotImplementedError

    def complete_request(self) -> CompleteRequest:
        raise NotImplementedError

    def capture_request(self, money: Money) -> CaptureRequest:
        raise NotImplementedError

    def void_request(self) -> VoidRequest:
        raise NotImplementedError

    def refund_request(self, money: Money) -> RefundRequest:
        raise NotImplementedError

    def revoke_request(self) -> RevokeCardRequest:
        raise NotImplementedError

    def told_amount(self, body: Any) -> tuple[int, str]:
        """Return value and currency as the processor reads them from a request's body."""
        raise NotImplementedError

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
