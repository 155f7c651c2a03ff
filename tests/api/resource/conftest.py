import pytest

from tests.api.octo.guest import Guest
from tests.api.octo.shop import Shop, build_shop
from tests.api.resource.desk import Desk, build_desk
from tests.processes import Sandbox


@pytest.fixture
def shop(db) -> Shop:
    return build_shop()


@pytest.fixture
def desk(shop) -> Desk:
    return build_desk(shop)


@pytest.fixture
def guest(transactional_db, live_server, sandbox: Sandbox, shop) -> Guest:
    """The processor, and its webhooks; with it a desk can charge."""
    return Guest(sandbox)
