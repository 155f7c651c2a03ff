import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, User
from django.test import Client

from backoffice.granting import grant
from backoffice.roles import ROLES, Role
from tests.payments.house import House, build_house


@pytest.fixture
def house(db) -> House:
    return build_house()


@pytest.fixture
def user_with_role(db):
    """Return a member of staff of a role; a test that emptied the tables has taken the groups with them."""
    if not Group.objects.filter(name=Role.AUDITOR).exists():
        grant(apps, ROLES)

    def user(role: Role, username: str = "") -> User:
        made = get_user_model().objects.create_user(
            username or role.lower(), password="correct horse battery", is_staff=True
        )
        made.groups.set([Group.objects.get(name=role)])
        return made

    return user


@pytest.fixture
def browser_with_role(user_with_role):
    """Return the browser of a member of staff of a role."""

    def browser(role: Role, username: str = "") -> Client:
        client = Client()
        client.force_login(user_with_role(role, username))
        return client

    return browser
