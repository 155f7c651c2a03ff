import pytest

from payments.models import Payment
from tests.payments.house import build_house
from tests.reconciliation.till import Till, till_of


@pytest.fixture
def payment(db: None) -> Payment:
    """A payment that every operation of a till belongs to."""
    return build_house().payment()


@pytest.fixture
def till(payment: Payment) -> Till:
    return till_of(payment)
