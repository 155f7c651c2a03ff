from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.context.desk import Caller, Desk, build_desk
from tests.api.octo.guest import Guest
from tests.api.octo.shop import Shop, build_shop
from tests.gateways.scripted_server import closed_port
from tests.processes import Sandbox


@pytest.fixture
def shop(db) -> Shop:
    return build_shop()


@pytest.fixture
def desk(shop) -> Desk:
    return build_desk(shop)


@pytest.fixture
def caller(desk) -> Caller:
    return desk.caller


@pytest.fixture
def guest(sandbox: Sandbox, shop) -> Guest:
    """The processor; with it a desk can charge. Nobody is there to take its webhooks."""
    return Guest(sandbox)


@pytest.fixture
def told_guest(transactional_db, live_server, guest: Guest) -> Guest:
    """The processor, and its webhooks."""
    return guest


@pytest.fixture
def nobody_listens(settings: Any) -> Iterator[None]:
    """Where the processor was, nobody takes a call any more."""
    with closed_port() as address:
        credentials = settings.GATEWAY_CREDENTIALS
        moved = {**credentials["adyen-eu"], "checkout_base_url": address}
        settings.GATEWAY_CREDENTIALS = {**credentials, "adyen-eu": moved}
        yield
