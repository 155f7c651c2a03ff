"""Which parts of OCTO we speak, and which of them a request asked for."""

from collections.abc import Iterable
from dataclasses import dataclass

import structlog

log = structlog.get_logger(__name__)

LONGEST_HEADER = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """Be one extension of OCTO core; `depends_on` is added to a request that asks for it."""

    id: str
    revision: int = 1
    is_required: bool = False
    depends_on: tuple[str, ...] = ()
    docs: str | None = None


PRICING = Capability(id="octo/pricing", docs="https://docs.octo.travel/octo-api-core/capabilities/pricing")
CARD_PAYMENTS = Capability(id="octo/cardPayments")
CART = Capability(id="octo/cart")
GIFTS = Capability(id="octo/gifts")
WEBHOOKS = Capability(id="octo/webhooks")

# In the order in which answers name them. A capability slots in here, and where it adds fields or routes.
REGISTRY: dict[str, Capability] = {
    capability.id: capability for capability in (PRICING, CARD_PAYMENTS, CART, GIFTS, WEBHOOKS)
}


@dataclass(frozen=True, slots=True)
class Applied:
    """Be the capabilities of one request."""

    ids: frozenset[str] = frozenset()

    def __contains__(self, capability: Capability) -> bool:
        return capability.id in self.ids

    def __str__(self) -> str:
        return ", ".join(known for known in REGISTRY if known in self.ids)


def apply_capabilities(header: str) -> Applied:
    """Return what a header's comma list switches on: unknown ids are dropped and logged, dependencies are added.

    Ids are compared as they are written: `octo/cardpayments` is none of ours.
    """
    asked = [part.strip() for part in header[:LONGEST_HEADER].split(",")]
    dropped = sorted({part for part in asked if part and part not in REGISTRY})
    if dropped:
        log.info("octo_capabilities_dropped", dropped=[part[:80] for part in dropped[:20]])
    return Applied(frozenset(_with_dependencies(part for part in asked if part in REGISTRY)))


def _with_dependencies(ids: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(ids)
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting.extend(REGISTRY[current].depends_on)
    return found
