"""How much waits, for the home page: for each what they may see, counted to a limit, kept for a while."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.queues import counting, queue_counts
from backoffice.queues.registry import QUEUES
from backoffice.roles import Role

pytestmark = pytest.mark.django_db


def counted(user) -> dict[str, str]:
    return {each.slug: each.text for each in queue_counts(user) if each.count}


@pytest.fixture
def ada(django_user_model):
    """Somebody who may see everything."""
    return django_user_model.objects.create_superuser("ada", "ada@example.com", "correct horse battery")


def test_each_queue_says_how_much_waits_and_where(situations, ada):
    situations.outcome_unknown()
    situations.said_to_be_paid()
    situations.overpaid()

    counts = {each.slug: each for each in queue_counts(ada)}

    assert list(counts) == [queue.slug for queue in QUEUES]
    assert counted(ada) == {"outcome-unknown": "2", "overpaid": "1"}
    assert counts["overpaid"].url == reverse("admin:backoffice_queue", args=["overpaid"])
    assert (counts["outcome-unknown"].is_urgent, counts["overpaid"].is_urgent) == (True, False)


def test_more_than_the_limit_is_not_counted(situations, ada, monkeypatch):
    monkeypatch.setattr(counting, "MOST_COUNTED", 2)
    for _ in range(3):
        situations.overpaid()

    assert counted(ada) == {"overpaid": "2+"}


def test_nobody_is_told_of_queues_they_may_not_see(situations, user_with_role):
    situations.overpaid()
    clerk = user_with_role(Role.SUPPORT)
    clerk.groups.clear()

    assert queue_counts(clerk) == []
    assert queue_counts(AnonymousUser()) == []


def test_counts_are_kept_for_a_while_and_then_counted_anew(situations, ada):
    assert counted(ada) == {}
    situations.overpaid()
    assert counted(ada) == {}

    with CaptureQueriesContext(connection) as queries:
        counted(ada)
    assert [query["sql"] for query in queries if "SELECT" in query["sql"]] == []

    cache.clear()
    assert counted(ada) == {"overpaid": "1"}


def test_without_redis_everything_is_counted(situations, ada, settings):
    settings.CACHES = {
        "default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"},
    }
    situations.overpaid()

    assert counted(ada) == {"overpaid": "1"}


def test_counting_costs_the_same_for_one_row_or_many(situations, ada):
    def cost():
        cache.clear()
        with CaptureQueriesContext(connection) as queries:
            queue_counts(ada)
        return len(queries)

    situations.overpaid()
    queue_counts(ada)  # whose permissions are read once
    of_one = cost()
    for _ in range(3):
        situations.overpaid()
        situations.outcome_unknown()

    # One for each source, and one more for the discrepancies that somebody has proposed to open again.
    assert cost() == of_one == sum(len(queue.sources) for queue in QUEUES) + 1
