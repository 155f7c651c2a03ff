"""The pages of the books: figures by account, what drifts, batches, and months that are closed and reopened."""

import json
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from backoffice.books.figures import books_of, open_by_age
from backoffice.roles import Role
from gateways.models import Environment
from payments.admin.columns import page_of
from payments.models import ClosedPeriod, Posting
from payments.services.periods import close_month, month_of, reopen_month
from reconciliation.models import BooksDay, BooksProgress, SettlementBatch
from reconciliation.services.importing import source_for
from reconciliation.services.matching import look_for_missing
from tests.backoffice.actions.pressing import audited, carry_out, press, refused, token_for
from tests.reconciliation.till import account_row, payout, settled, till_of, written

pytestmark = pytest.mark.django_db
BOOKS, DRIFT, MONTHS = (reverse(f"admin:{name}") for name in ("books", "books_drift", "books_months"))


@pytest.fixture
def finance(browser_with_role):
    return browser_with_role(Role.FINANCE, "fay")


@pytest.fixture
def till(house):
    return till_of(house.payment())


def moved(till, from_account, to_account, minor, *, days_ago=0, currency="EUR"):
    """Have a running sum as the worker makes it; that it makes them right is tests/reconciliation/test_books.py."""
    BooksDay.objects.create(
        day=timezone.now().date() - timedelta(days=days_ago),
        account=till.account,
        currency=currency,
        from_account=from_account,
        to_account=to_account,
        amount_minor=minor,
        entry_count=1,
    )


@pytest.fixture
def books(till):
    """A month of 100.00 EUR taken, 10.00 given back, 60.00 settled and 2.00 of fees; 500.00 long ago; 700 JPY."""
    moved(till, "RECEIVABLE", "CLEARING", 9_000, days_ago=3)
    moved(till, "SURCHARGE", "CLEARING", 1_000)
    moved(till, "CLEARING", "RECEIVABLE", 600)
    moved(till, "CLEARING", "DISPUTED", 400)
    moved(till, "CLEARING", "BANK", 6_100)
    moved(till, "BANK", "CLEARING", 100)
    moved(till, "CLEARING", "FEES", 200)
    moved(till, "RECEIVABLE", "CLEARING", 50_000, days_ago=40)
    moved(till, "RECEIVABLE", "CLEARING", 700, currency="JPY")
    BooksProgress.objects.create(id=1, time_zone="UTC", as_of=timezone.now())


def test_each_account_says_what_it_took_settled_and_still_holds_by_currency(till, books):
    found = books_of(environment=Environment.TEST, now=timezone.now())

    euros, yen = found.rows
    assert (euros.taken, euros.given_back, euros.settled, euros.fees, euros.outstanding, euros.unexplained) == (
        *("100.00 EUR", "10.00 EUR", "60.00 EUR", "2.00 EUR", "528.00 EUR"),
        "",
    )
    assert (yen.currency, yen.taken, yen.outstanding) == ("JPY", "700 JPY", "700 JPY")
    chart = json.loads(found.charts[0]["data"])
    figures = {each["label"].partition(",")[0]: each["data"] for each in chart["datasets"]}
    assert (figures["taken"][-4], figures["taken"][-1], figures["settled"][-1]) == ("90.00", "10.00", "60.00")
    assert books_of(environment=Environment.LIVE, now=timezone.now()).rows == ()


def test_the_page_tells_as_of_when_it_is_and_costs_the_same_for_a_year_of_days(finance, till, books):
    def queries():
        with CaptureQueriesContext(connection) as found:
            text = finance.get(BOOKS).content.decode()
        return len(found), text

    finance.get(BOOKS)
    few, text = queries()
    assert re.search(r"As of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\.", text)
    assert "528.00 EUR" in text
    for days in range(50, 400):
        moved(till, "RECEIVABLE", "CLEARING", 100, days_ago=days)

    many, text = queries()

    assert "878.00 EUR" in text
    assert (many, many <= 20) == (few, True)


def test_what_is_open_is_shown_by_kind_and_age(finance, till, tmp_path):
    till.books(4_500, "P1", at=timezone.now() - timedelta(days=9))
    till.save()
    rows = [settled(900, "P9", at=timezone.now()), settled(700, "P8", at=timezone.now())]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows, at=timezone.now())]))
    look_for_missing(source=source_for(till.account.slug, now=timezone.now()), now=timezone.now())

    ages = open_by_age(environment=Environment.TEST, now=timezone.now())

    assert {row.kind: (row.counts, row.amounts) for row in ages.rows} == {
        "settled, and not in our books": ((2, 0, 0, 0, 0, 0, 0), ("16.00 EUR",)),
        "in our books, and not settled in time": ((0, 0, 0, 1, 0, 0, 0), ("45.00 EUR",)),
    }
    text = finance.get(BOOKS).content.decode()
    assert "16.00 EUR" in text
    assert open_by_age(environment=Environment.LIVE, now=timezone.now()).rows == ()


def test_a_batch_shows_its_lines_by_kind_its_payout_and_what_was_posted(finance, till, tmp_path):
    till.books(10_000, "P1")
    till.books(-2_000, "R1", kind="REFUND")
    till.save()
    rows = [
        settled(10_000, "P1", fee="0.45"),
        settled(-2_000, "P1", type="Refunded", modification="R1"),
        settled(900, "P9"),
        account_row("Fee", -140),
    ]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))

    text = finance.get(page_of(SettlementBatch.objects.get())).content.decode()

    for shown in ("87.15 EUR", "109.00 EUR", "-20.00 EUR", "1.85 EUR", "not seen yet", "settled, and not in our books"):
        assert shown in text, shown
    assert re.search(r"CLEARING</td><td>BANK</td><td>87\.15 EUR", text)


def test_a_drift_is_read_on_demand_and_every_part_is_named(finance, till):
    till.books(4_500, "P1")
    till.save()
    source = source_for(till.account.slug, now=timezone.now())
    assert f"{source} was not read yet" in finance.get(DRIFT).content.decode()

    assert carry_out(finance, "read-drift", source) == ["EUR: 0.00 EUR is unexplained of 45.00 EUR."]

    text = finance.get(DRIFT).content.decode()
    assert "booked, and not settled yet" in text
    assert text.count("45.00 EUR") == 2
    assert books_of(environment=Environment.TEST, now=timezone.now()).rows == ()


LAST_MONTH = (timezone.now().replace(day=1) - timedelta(days=1)).replace(hour=12)


@pytest.fixture
def posted(till):
    """Something that moved last month."""
    till.books(4_500, "P1", at=LAST_MONTH)
    till.save()
    return f"{month_of(LAST_MONTH):%Y-%m}"


def close_page(month):
    return reverse("admin:books_close", args=[month])


def test_a_month_is_closed_once_it_was_looked_at_and_pressed_once(finance, posted):
    assert f"{posted}: open" in finance.get(MONTHS).content.decode()
    page = finance.get(close_page(posted))
    text = page.content.decode()
    assert "45.00 EUR" in text
    wish = {"wish": page.context["token"]}

    answers = [finance.post(close_page(posted), wish, follow=True) for _ in range(2)]

    said = [[str(message) for message in answer.context["messages"]] for answer in answers]
    assert said[0] == [f"{posted} is closed."]
    assert said[1][0].startswith("This was pressed before")
    closing = ClosedPeriod.objects.get()
    assert (closing.closed_by, closing.totals["live CLEARING EUR"]) == ("fay", 4_500)
    assert f"{posted}: closed" in finance.get(MONTHS).content.decode()
    assert audited() == [
        ("fay", "closed month", f"{posted}."),
        ("fay", "not closed month", f"{posted}. {said[1][0]}"),
    ]


def test_who_closed_a_month_cannot_reopen_it_and_somebody_else_can(finance, browser_with_role, posted):
    closing = close_month(month=month_of(LAST_MONTH), by="fay", now=timezone.now())

    assert refused(finance, "reopen-month", closing, reason="a fee came late") == [
        "Who closed a month cannot reopen it: a second person has to."
    ]
    manager = browser_with_role(Role.MANAGER, "mia")
    assert carry_out(manager, "reopen-month", closing, reason="a fee came late") == [f"{posted} is open again."]

    text = finance.get(MONTHS).content.decode()
    assert f"{posted}: open" in text
    assert "reopened by mia" in text


def test_a_confirmation_to_reopen_says_nothing_of_a_closing_that_came_after(browser_with_role, posted):
    month, now = month_of(LAST_MONTH), timezone.now()
    closing = close_month(month=month, by="fay", now=now)
    manager = browser_with_role(Role.MANAGER, "mia")
    token = token_for(manager, "reopen-month", closing, reason="a fee came late")
    reopen_month(month=month, by="ben", because="a fee came late", now=now)
    anew = close_month(month=month, by="fay", now=now)

    assert press(manager, "reopen-month", closing, token) == [
        "Something happened since you looked at it; nothing was done. Look again."
    ]

    assert ClosedPeriod.objects.get(reopened_at=None) == anew


def test_a_confirmation_of_another_month_or_person_closes_nothing(finance, browser_with_role, posted):
    token = finance.get(close_page(posted)).context["token"]
    manager = browser_with_role(Role.MANAGER, "mia")

    for browser, month, wish in ((manager, posted, token), (finance, "2020-01", token), (finance, posted, "")):
        browser.post(close_page(month), {"wish": wish})

    assert ClosedPeriod.objects.count() == 0
    assert finance.get(close_page("2020-01"), follow=True).redirect_chain
    assert finance.get(close_page("nonsense")).status_code == 404


@pytest.mark.parametrize(
    ("role", "sees", "closes"), [(Role.AUDITOR, 200, 403), (Role.SUPPORT, 403, 403), (Role.MANAGER, 200, 200)]
)
def test_auditors_look_at_the_books_and_support_does_not(browser_with_role, posted, role, sees, closes):
    browser = browser_with_role(role, "someone")

    assert [browser.get(page).status_code for page in (BOOKS, DRIFT, MONTHS)] == [sees] * 3
    assert browser.get(close_page(posted)).status_code == closes
    assert Posting.objects.count() == 1


def test_a_source_is_locked_later_and_never_earlier(finance, till):
    source = source_for(till.account.slug, now=timezone.now())
    page, today = page_of(source), timezone.now().date()
    fields = finance.get(page).context["adminform"].form.initial
    wished = {name: value for name, value in fields.items() if value is not None}

    def lock(day):
        answer = finance.post(page, {**wished, "column_map": "null", "locked_through": day})
        source.refresh_from_db()
        return answer.status_code, source.locked_through

    for wrong in (today, today + timedelta(days=1)):
        assert lock(wrong) == (200, None)
    yesterday = today - timedelta(days=1)
    assert lock(yesterday) == (302, yesterday)
    for earlier in (yesterday - timedelta(days=1), ""):
        assert lock(earlier) == (200, yesterday)
