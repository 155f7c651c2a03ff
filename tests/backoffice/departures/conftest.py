import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

from backoffice.roles import Role
from tests.backoffice.limits import let_give_back
from tests.payments.guest import Guest
from tests.payments.house import House


@pytest.fixture
def guest(house: House, sandbox, live_server) -> Guest:
    return Guest(house, sandbox)


@pytest.fixture
def ada(db) -> User:
    """The owner, who has no limit."""
    return get_user_model().objects.create_superuser("ada", "ada@example.com", "correct horse battery")


@pytest.fixture
def ben(user_with_role) -> User:
    """A member of finance, who may give back 100.00 EUR."""
    person = user_with_role(Role.FINANCE, "ben")
    let_give_back(Role.FINANCE, 10000)
    return person


@pytest.fixture
def eve(user_with_role, ben) -> User:
    """Another member of finance."""
    return user_with_role(Role.FINANCE, "eve")
