import pytest

from tests.backoffice.queues.situations import Situations
from tests.payments.house import House, build_house


@pytest.fixture
def house(db) -> House:
    return build_house()


@pytest.fixture
def situations(house) -> Situations:
    return Situations(house)
