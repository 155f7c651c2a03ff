"""A gateway that can be asked: it answers what a test tells it to, and keeps what it was asked. No wire."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from gateways.adapters.external.gateway import ExternalGateway
from gateways.errors import GatewayError, InvalidSignature, NotSent, Rejected
from gateways.partner_talk import PartnerTalk
from gateways.protocol import (
    Capability,
    Delivery,
    Opened,
    OpenRequest,
    Outcome,
    OutcomeKind,
    Reference,
    Verified,
)
from money import Money

SLUG = "asked"
PATH = f"{__name__}.AskedGateway"


class AskedGateway(ExternalGateway):
    """Open what a guest can pay, and say of it what `says` returns; its deliveries prove nothing."""

    slug: ClassVar[str] = SLUG
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.OPEN, Capability.FETCH, Capability.WEBHOOKS})
    partner_talk: ClassVar[PartnerTalk] = PartnerTalk(name="askedpay")
    has_wire: ClassVar[bool] = True
    webhooks_are_hints: ClassVar[bool] = True
    says: ClassVar[Callable[[Reference], tuple[Outcome, ...]]]
    asked: ClassVar[list[Reference]] = []
    is_reachable: ClassVar[bool] = True
    refuses: ClassVar[bool] = False
    opened: ClassVar[int] = 0

    @classmethod
    def begin(cls) -> None:
        """Forget everything."""
        cls.says = staticmethod(lambda _: ())
        cls.asked = []
        cls.is_reachable, cls.refuses, cls.opened = True, False, 0

    def client_settings(self, **_: Any) -> Mapping[str, Any]:
        return {"page": None}

    def open(self, request: OpenRequest) -> Opened:
        AskedGateway.opened += 1
        if self.refuses:
            raise Rejected("asked open: the amount is too small")
        if not self.is_reachable:
            raise NotSent("asked open: no connection")
        return Opened(gateway_reference=f"at-{request.reference}", expires_at=request.expires_at, client={})

    def fetch(self, reference: Reference) -> tuple[Outcome, ...]:
        self.asked.append(reference)
        return type(self).says(reference)

    def verify_webhook(self, delivery: Delivery) -> Verified:
        if not delivery.body:
            raise InvalidSignature("asked: nothing was sent")
        return Verified(delivery_key=delivery.body.decode(), status=200)

    def read_webhook(self, delivery: Delivery) -> tuple[Outcome, ...]:
        """Read the body as "opening attempt kind": what the sender claims, and anyone may be the sender."""
        opening, attempt, *kind = delivery.body.decode().split()
        return (
            Outcome(
                kind=OutcomeKind(*kind or ["CAPTURED"]),
                reference=Reference(gateway=attempt, payment=attempt, opening=opening),
                event_key=f"claimed:{attempt}",
                occurred_at=delivery.received_at,
            ),
        )


def fails(_: Reference) -> tuple[Outcome, ...]:
    """Be a gateway that does not answer."""
    raise GatewayError("no answer")


def paid(opening: Any, attempt: str = "AT1", *, minor: int | None = None) -> tuple[Outcome, ...]:
    """Return the news that an Opening was paid."""
    return (
        Outcome(
            kind=OutcomeKind.CAPTURED,
            reference=Reference(
                ours=opening.reference, gateway=attempt, payment=attempt, opening=opening.gateway_reference
            ),
            event_key=f"paid:{attempt}",
            occurred_at=opening.created_at + timedelta(seconds=5),
            money=Money(minor or opening.amount_minor, opening.currency),
        ),
    )
