"""Every page that the bench measures costs as many queries on few payments as on many."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bench.pages import pages
from config.volume import Wish, seed_volume

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]


def costs(browser, transactions, *, is_warm=False):
    """Return the queries of every page on so many transactions, which are taken back afterwards.

    What a process keeps of a page's needs, it asks for once: not again when `is_warm`.
    """
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT before_seeding")
        try:
            wish = Wish(transactions=transactions, partners=3, until=timezone.now())
            seed_volume(wish, say=lambda text: None)
            found = {}
            # The first page renews the session that the savepoint has taken back.
            browser.get(reverse("admin:index"))
            for page in pages():
                if not is_warm:
                    browser.get(page.path)
                cache.clear()
                with CaptureQueriesContext(connection) as queries:
                    assert browser.get(page.path).status_code in (200, 302), page.name
                found[page.name] = len(queries)
            return found
        finally:
            cursor.execute("ROLLBACK TO SAVEPOINT before_seeding")


def test_no_page_costs_more_queries_when_there_is_more_to_show(admin_client):
    few, many = costs(admin_client, 700), costs(admin_client, 2_500, is_warm=True)

    # What is found decides whether a search is recorded, and whether it leads straight on; few have no page 20.
    by_name = {name for name in few if not name.startswith("find: ") and "page 20" not in name}
    assert {name: many[name] for name in by_name if many[name] > few[name]} == {}
    assert max(many.values()) <= 60
