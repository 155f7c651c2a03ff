"""A queue is read page by page: nothing twice, nothing passed over, in as many queries for one row as for many."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backoffice.queues.narrowing import Narrowing
from backoffice.queues.paging import NoSuchPlace, Place, read_page
from backoffice.queues.registry import QUEUES, queue_named
from payments.models import Case, CaseKind
from payments.services.cases import open_case
from tests.backoffice.queues.situations import Situations
from tests.plans import only_index

pytestmark = pytest.mark.django_db


def page_of(slug, after=None, size=2):
    return read_page(queue_named(slug), chosen=Narrowing(), after=after, now=timezone.now(), size=size)


def read_all(slug, between=lambda: None):
    """Read a queue two rows at a time, and let something happen after each page."""
    names, page = [], page_of(slug)
    while True:
        names += [row.name for row in page.rows]
        if page.next_place is None:
            return names
        between()
        page = page_of(slug, Place.read(str(page.next_place)))


def add_case(situations: Situations) -> str:
    payment = situations.payment()
    open_case(payment=payment, kind=CaseKind.REFUND_FAILED, detail="", now=situations.house.clock.move(seconds=1))
    return payment.reference


def test_pages_hold_every_row_once_though_others_come_and_go(situations):
    there = [add_case(situations) for _ in range(5)]
    came = []

    def come_and_go():
        came.append(add_case(situations))
        Case.objects.filter(payment__reference=there[0]).update(closed_at=situations.now)

    assert read_all("refund-failed", come_and_go) == [*there, *came]


def test_rows_of_equal_urgency_are_read_once_each(situations):
    there = {add_case(situations) for _ in range(5)}
    Case.objects.update(opened_at=situations.now)

    names = read_all("refund-failed")

    assert (len(names), set(names)) == (5, there)


def test_rows_of_two_tables_are_merged_by_urgency(situations):
    there = {situations.outcome_unknown(), situations.said_to_be_paid()}
    there |= {situations.outcome_unknown(), situations.said_to_be_paid(), situations.outcome_unknown()}

    names = read_all("outcome-unknown")

    assert (len(names), set(names)) == (5, there)


@pytest.mark.parametrize("text", ["", "x", "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00~1", "~1", "nonsense~7"])
def test_what_names_no_place_is_refused(text):
    with pytest.raises(NoSuchPlace):
        Place.read(text)


def test_a_place_of_another_queue_is_refused(situations):
    place = Place.read("2026-01-01T00:00:00+00:00~not-a-number")

    with pytest.raises(NoSuchPlace):
        page_of("refund-failed", place)


def cost(slug: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert page_of(slug, size=50).rows
    return len(queries)


@pytest.mark.parametrize(
    ("slug", "make"),
    [
        ("outcome-unknown", Situations.outcome_unknown),
        ("outcome-unknown", Situations.said_to_be_paid),
        ("paid-unconfirmed", Situations.paid_unconfirmed),
        ("disputes", Situations.disputed),
        ("lapsing-holds", Situations.lapsing_hold),
        ("expiring-cards", Situations.expiring_card),
        ("orphaned-webhooks", lambda situations: situations.webhook("ORPHAN")),
        ("failing-callbacks", lambda situations: situations.callback("FAILED")),
        ("probable-duplicates", lambda situations: situations.duplicate()),
        ("refunds-to-approve", Situations.refund_to_approve),
        ("discrepancies", Situations.discrepancy),
        ("unfetched-reports", Situations.unfetched_report),
        ("refund-failed", add_case),
    ],
)
def test_one_row_costs_as_many_queries_as_many_rows(situations, slug, make):
    make(situations)
    of_one = cost(slug)
    for _ in range(3):
        make(situations)

    assert cost(slug) == of_one
    assert of_one <= 9


def test_every_queue_with_cases_is_read_by_its_index():
    with only_index("case_by_kind"):
        for queue in QUEUES:
            if len(queue.kinds) != 1 or "disputes" in queue.slug:
                continue
            (source,) = queue.sources
            plan = source.rows(timezone.now()).order_by("opened_at", "pk").explain()
            assert "case_by_kind" in plan, queue.slug
