import pytest

from tests.payments.house import House, build_house


@pytest.fixture
def house(db) -> House:
    return build_house()
