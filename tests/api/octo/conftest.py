import pytest

from tests.api.octo.guest import Guest
from tests.api.octo.shop import CARDS, Octo, Shop, build_shop
from tests.processes import Sandbox


@pytest.fixture
def shop(db) -> Shop:
    return build_shop()


@pytest.fixture
def octo(shop) -> Octo:
    return shop.octo()


@pytest.fixture
def cards(shop) -> Octo:
    return shop.octo(CARDS)


@pytest.fixture
def guest(transactional_db, live_server, sandbox: Sandbox, shop) -> Guest:
    return Guest(sandbox)
