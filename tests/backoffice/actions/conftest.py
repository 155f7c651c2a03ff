import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from payments.models import Payment
from tests.backoffice.limits import let_give_back
from tests.payments.guest import Guest, opening_of


@pytest.fixture
def guest(house, sandbox, live_server) -> Guest:
    return Guest(house, sandbox)


@pytest.fixture
def ada(db):
    """Somebody who may do everything, without a limit."""
    return get_user_model().objects.create_superuser("ada", "ada@example.com", "correct horse battery")


@pytest.fixture
def desk(ada) -> Client:
    """Her browser."""
    client = Client()
    client.force_login(ada)
    return client


@pytest.fixture
def desk_with_limit(browser_with_role):
    """Return the browser of somebody with a role, whose limit is set; None leaves it as it is."""

    def desk(role, minor: int | None = None, username: str = "", currency: str = "EUR") -> Client:
        browser = browser_with_role(role, username)
        if minor is not None:
            let_give_back(role, minor, currency)
        return browser

    return desk


@pytest.fixture
def bought(house, guest) -> Payment:
    """A payment of 90.00 EUR that a guest made at the sandbox."""
    booking = house.reserve()
    guest.pay(opening_of(booking))
    guest.deliver()
    return Payment.objects.get(order=booking.order)


@pytest.fixture
def held(house, guest) -> Payment:
    """A hold of 100.00 USD at the sandbox."""
    booking = house.reserve(currency="USD")
    guest.pay(opening_of(booking))
    guest.deliver()
    return Payment.objects.get(order=booking.order)


@pytest.fixture
def paid(house) -> Payment:
    """A payment of 90.00 EUR, told and not made at any sandbox."""
    return house.paid(house.payment())
