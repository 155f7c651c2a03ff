from typing import Any

from gateways.protocol import (
    CaptureRequest,
    ChargeRequest,
    CompleteRequest,
    Decline,
    OpenRequest,
    RefundRequest,
    RevokeCardRequest,
    VoidRequest,
)
from money import Money
from tests.gateways import adyen_world as other
from tests.gateways.penny.gateway import PennyGateway
from tests.gateways.penny.wire import REFUSALS, decline_of
from tests.gateways.world import World

KEY = "penny-key-5uJ8"


class PennyWorld(World):
    secrets = (KEY,)

    def gateway(self, base_url: str) -> PennyGateway:
        return PennyGateway({"key": KEY, "base_url": base_url, "timeout_seconds": "0.5"})

    def open_request(self, money: Money) -> OpenRequest:
        return other.open_request(money)

    def charge_request(self, money: Money) -> ChargeRequest:
        return other.charge_request(money)

    def complete_request(self) -> CompleteRequest:
        return other.complete_request()

    def capture_request(self, money: Money) -> CaptureRequest:
        return other.capture_request(money)

    def void_request(self) -> VoidRequest:
        return other.void_request()

    def refund_request(self, money: Money) -> RefundRequest:
        return other.refund_request(money)

    def revoke_request(self) -> RevokeCardRequest:
        return RevokeCardRequest(card_token="none", shopper_reference="c-1204")

    def told_amount(self, body: Any) -> tuple[int, str]:
        return body["amount"], body["currency"]

    def refusals(self) -> list[Decline]:
        return [decline_of(reason) for reason in (*REFUSALS, "something new")]

    def answers(self) -> dict[str, tuple[int, Any]]:
        return {"open": (201, {"id": "PO1", "page": "https://penny.example.com/PO1"}), "refund": (201, {"id": "PR1"})}
