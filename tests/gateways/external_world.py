from typing import Any

from gateways.adapters.external.gateway import ExternalGateway
from gateways.protocol import ChargeRequest, Decline, ExternalCharge
from money import Money
from tests.gateways.examples import NINETY_EUROS, Examples
from tests.gateways.world import World

EXAMPLES = Examples(opening="none", payment="tx-2M9DKR7C", card="none")


def reported(money: Money, **external: Any) -> ChargeRequest:
    """Return what was taken, or refused, elsewhere."""
    return EXAMPLES.charge_request(money, card_token=None, shopper_reference="", external=ExternalCharge(**external))


class ExternalWorld(World):
    """The gateway without a wire; the requests are anybody's."""

    examples = EXAMPLES

    def gateway(self, base_url: str, **more: str) -> ExternalGateway:
        return ExternalGateway({})

    def charge_request(self, money: Money) -> ChargeRequest:
        return reported(money, is_approved=True)

    def refusals(self) -> list[Decline]:
        refused = self.gateway("").charge(reported(NINETY_EUROS, is_approved=False, refusal_reason="No funds"))
        assert refused.decline is not None
        return [refused.decline]
