import pytest

from tests.payments.guest import Guest
from tests.payments.house import House, build_house


@pytest.fixture
def house(db) -> House:
    return build_house()


@pytest.fixture
def guest(house, sandbox, live_server) -> Guest:
    return Guest(house, sandbox)
