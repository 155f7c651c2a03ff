from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from api.callbacks import delivering
from api.tasks import render
from tests.api.callbacks.receiver import Receiver, receiver
from tests.api.octo.shop import Octo, Shop, build_shop

HOOKS = "octo/pricing, octo/webhooks"


class Beat:
    """Play beat and worker in this process, at a time of one's own choosing."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def clock(self) -> datetime:
        """Return the time, as services are told it."""
        return timezone.now() + self.ahead

    def later(self, **time: float) -> None:
        """Let time pass."""
        self.ahead += timedelta(**time)

    def tell(self) -> int:
        """Tell partners, and return how many attempts were made."""
        return delivering.tell_partners(clock=self.clock, render=render)


@pytest.fixture
def shop(db) -> Shop:
    return build_shop()


@pytest.fixture
def octo(shop) -> Octo:
    return shop.octo(HOOKS)


@pytest.fixture
def beat() -> Beat:
    return Beat()


@pytest.fixture
def partner() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def hook(octo, partner) -> dict:
    answer = octo.post("/webhooks", {"event": "booking_update", "url": partner.url})
    assert answer.status_code == 200, answer.content
    return answer.json()
