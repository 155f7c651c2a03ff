from gateways.adapters.external.gateway import ExternalGateway
from gateways.protocol import (
    CaptureRequest,
    ChargeRequest,
    CompleteRequest,
    Decline,
    ExternalCharge,
    OpenRequest,
    RefundRequest,
    RevokeCardRequest,
    VoidRequest,
)
from money import Money
from tests.gateways import adyen_world as other
from tests.gateways.world import World


class ExternalWorld(World):
    """The gateway without a wire; the requests are anybody's."""

    def gateway(self, base_url: str) -> ExternalGateway:
        return ExternalGateway({})

    def open_request(self, money: Money) -> OpenRequest:
        return other.open_request(money)

    def charge_request(self, money: Money) -> ChargeRequest:
        external = ExternalCharge(is_approved=True)
        return other.charge_request(money, card_token=None, shopper_reference="", external=external)

    def complete_request(self) -> CompleteRequest:
        return other.complete_request()

    def capture_request(self, money: Money) -> CaptureRequest:
        return other.capture_request(money, payment_reference="tx-2M9DKR7C")

    def void_request(self) -> VoidRequest:
        return other.void_request(payment_reference="tx-2M9DKR7C")

    def refund_request(self, money: Money) -> RefundRequest:
        return other.refund_request(money, payment_reference="tx-2M9DKR7C")

    def revoke_request(self) -> RevokeCardRequest:
        return RevokeCardRequest(card_token="none", shopper_reference="c-1204")

    def refusals(self) -> list[Decline]:
        external = ExternalCharge(is_approved=False, refusal_reason="No funds")
        refused = self.gateway("").charge(
            other.charge_request(Money(500, "EUR"), card_token=None, external=external, shopper_reference="")
        )
        assert refused.decline is not None
        return [refused.decline]
