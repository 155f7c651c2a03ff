from typing import Any

from gateways.protocol import Decline
from tests.gateways.examples import Examples
from tests.gateways.penny.gateway import PennyGateway
from tests.gateways.penny.wire import REFUSALS, decline_of
from tests.gateways.world import World

KEY = "penny-key-5uJ8"


class PennyWorld(World):
    examples = Examples(opening="PO1", payment="PO1", card="none")
    secrets = (KEY,)

    def gateway(self, base_url: str, **more: str) -> PennyGateway:
        return PennyGateway({"api_key": KEY, "base_url": base_url, **more})

    def told_amount(self, body: Any) -> tuple[int, str]:
        return body["amount"], body["currency"]

    def refusals(self) -> list[Decline]:
        return [decline_of(reason) for reason in (*REFUSALS, "something new")]

    def answers(self) -> dict[str, tuple[int, Any]]:
        return {"open": (201, {"id": "PO1", "page": "https://penny.example.com/PO1"}), "refund": (201, {"id": "PR1"})}
