"""What every test with real transactions relies on: whatever it did, the next begins with what the migrations left."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from tests.pristine import changed_tables, is_superuser, restore

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _superuser(db: None) -> None:
    if not is_superuser():
        pytest.skip("the tables are flushed by Django where we may not set triggers aside")


def everything() -> list[list[tuple[object, ...]]]:
    return [list(model.objects.order_by("pk").values_list()) for model in (Group, Permission, Session)]


def add_a_row() -> None:
    Session.objects.create(session_key="a", session_data="", expire_date=timezone.now())


def add_a_row_to_what_migrations_wrote() -> None:
    Group.objects.create(name="Guides")


def change_what_migrations_wrote() -> None:
    Permission.objects.filter(pk=Permission.objects.earliest("pk").pk).update(name="Can do anything")


def delete_what_migrations_wrote() -> None:
    Group.objects.all().delete()


@pytest.mark.parametrize(
    "change",
    [add_a_row, add_a_row_to_what_migrations_wrote, change_what_migrations_wrote, delete_what_migrations_wrote],
)
def test_what_a_test_did_is_undone_time_and_again(change):
    before = everything()
    for _ in range(2):
        change()
        assert everything() != before

        restore()

        assert everything() == before
        assert changed_tables() == {}


def test_what_was_written_is_seen_before_it_is_committed_and_afterwards():
    assert changed_tables() == {}

    with transaction.atomic():
        add_a_row()
        assert changed_tables() == {"django_session": False}
    assert changed_tables() == {"django_session": False}
    add_a_row_to_what_migrations_wrote()
    assert changed_tables() == {"django_session": False, "auth_group": True}


@pytest.mark.django_db
class TestTakenBack:
    def test_in_a_test_that_is_taken_back_what_it_wrote_is_seen_too(self):
        assert changed_tables() == {}

        add_a_row()

        assert changed_tables() == {"django_session": False}
