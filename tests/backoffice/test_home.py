"""The first page: what staff may find, and what was taken lately, live and test apart."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib import admin
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from backoffice.modes import test_warning as warning_for
from backoffice.navigation import GROUPS, navigation_for
from backoffice.roles import ROLES, Role
from backoffice.takings import Figure, Row, charts, takings
from gateways.models import Environment, GatewayAccount
from gateways.protocol import OutcomeKind as Kind
from payments.models import Transaction
from reconciliation.models import ExportRun
from tests.plans import only_index, plan_of

pytestmark = pytest.mark.django_db
HOME = reverse("admin:index")


def taken_on(*days_ago):
    """Move the decision of each operation, in the order they were made, to so many days ago."""
    for row, days in zip(Transaction.objects.order_by("number"), days_ago, strict=True):
        Transaction.objects.filter(pk=row.pk).update(decided_at=timezone.now() - timedelta(days=days))


def test_a_day_says_what_was_taken_refused_and_given_back_by_gateway_and_currency(house):
    now = house.clock()
    first, second = house.paid(house.payment(), "A1"), house.paid(house.payment(1), "A2")
    house.tell(second, Kind.DECLINED, "A3")
    house.tell(first, Kind.REFUNDED, "R1", of="A1", minor=2500)

    rows = takings(environment=Environment.TEST, now=now)

    assert rows == [
        Row(
            day=now.date(),
            gateway="adyen",
            currency="EUR",
            taken=Figure(count=2, minor=9000 + 4500),
            refused=Figure(count=1, minor=4500),
            refunded=Figure(count=1, minor=2500),
        )
    ]
    assert takings(environment=Environment.LIVE, now=now) == []


def test_currencies_and_live_and_test_money_are_never_added_up(house):
    GatewayAccount.objects.filter(slug="adyen-us").update(environment="live", captures_at_once=True)
    house.paid(house.payment(), "A1")
    house.paid(house.payment(account="adyen-us"), "A2")
    now = house.clock()

    live, test = (takings(environment=environment, now=now) for environment in (Environment.LIVE, Environment.TEST))

    assert [(row.currency, row.taken.minor) for row in test] == [("EUR", 9000)]
    assert {row.currency for row in live} <= {"USD"}
    assert [chart["currency"] for chart in charts(test, now=now)] == ["EUR"]


def test_thirty_days_are_drawn_and_what_is_older_is_not(house):
    house.paid(house.payment(), "A1")
    house.paid(house.payment(), "A2")
    house.paid(house.payment(), "A3")
    taken_on(0, 29, 30)
    now = timezone.now()

    rows = takings(environment=Environment.TEST, now=now)

    assert [row.day for row in rows] == [now.date(), now.date() - timedelta(days=29)]
    [chart] = charts(rows, now=now)
    assert len(chart["data"]["labels"]) == 30
    [taken] = chart["data"]["datasets"]
    assert (taken["label"], taken["stack"]) == ("taken, adyen", "taken")
    assert taken["data"] == ["90.00", *["0.00"] * 28, "90.00"]
    assert chart["legend"] == [("taken, adyen", taken["backgroundColor"])]


def test_a_day_is_one_of_the_time_zone_of_the_house(house):
    house.paid(house.payment(), "A1")
    Transaction.objects.update(decided_at=datetime(2026, 3, 28, 23, 30, tzinfo=UTC))

    with timezone.override("Europe/Berlin"):
        [row] = takings(environment=Environment.TEST, now=datetime(2026, 3, 29, 12, tzinfo=UTC))

    assert row.day.isoformat() == "2026-03-29"


def test_the_day_on_which_summer_time_begins_ends_an_hour_early(house):
    house.paid(house.payment(), "A1")
    now = datetime(2026, 3, 30, 12, tzinfo=UTC)
    days = []

    with timezone.override("Europe/Berlin"):
        for moment in (datetime(2026, 3, 29, 21, 59, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)):
            Transaction.objects.update(decided_at=moment)
            days += [row.day.isoformat() for row in takings(environment=Environment.TEST, now=now)]

    assert days == ["2026-03-29", "2026-03-30"]


def test_the_figures_are_read_from_their_index_alone(house):
    with CaptureQueriesContext(connection) as queries:
        takings(environment=Environment.TEST, now=house.clock())

    with only_index("transaction_by_decision"), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        assert "Index Only Scan using transaction_by_decision" in plan_of(queries[1]["sql"])


def test_the_figures_cost_the_same_queries_however_much_was_taken(house):
    house.paid(house.payment(), "A1")
    with CaptureQueriesContext(connection) as few:
        takings(environment=Environment.TEST, now=house.clock())
    for number in range(5):
        house.paid(house.payment(), f"MORE{number}")

    with CaptureQueriesContext(connection) as many:
        takings(environment=Environment.TEST, now=house.clock())

    assert len(few) == len(many) == 2


def test_home_draws_and_tells_the_same_figures(admin_client, house):
    house.paid(house.payment(), "A1")

    page = admin_client.get(HOME).content.decode()

    assert 'role="search"' in page
    assert re.search(r'<rect [^>]*fill="#16a34a"/></svg>taken, adyen</li>', page)
    assert "1 · 90.00 EUR" in page
    assert '<span class="cp-test">TEST</span>' in page
    assert "1 · 90.00 EUR" not in admin_client.get(HOME, {"mode": "live"}).content.decode()


def test_home_shows_nothing_of_money_to_who_may_not_see_it(client, django_user_model, house):
    house.paid(house.payment(), "A1")
    client.force_login(django_user_model.objects.create_user("ben", is_staff=True))

    page = client.get(HOME).content.decode()

    assert 'role="search"' not in page
    assert "90.00" not in page


def test_every_list_is_in_the_navigation_once():
    pages = [item.page for items in GROUPS.values() for item in items]

    lists = {f"{model._meta.app_label}_{model._meta.model_name}_changelist" for model in admin.site._registry}
    assert lists <= set(pages)
    assert len(pages) == len(set(pages))


@pytest.mark.parametrize("role", list(Role))
def test_whatever_is_in_somebodys_navigation_opens(browser_with_role, role):
    browser = browser_with_role(role)
    groups = browser.get(HOME).context["sidebar_navigation"]
    shown = {str(item["link"]) for group in groups for item in group["items"]}
    lists = {
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"): model._meta
        for model in admin.site._registry
        if model._meta.app_label != "admin"
    }

    # Every list opens for whoever may see its rows, and for nobody else: that is in test_roles.py.
    seen = {f"{lists[link].app_label}.view_{lists[link].model_name}" for link in shown & set(lists)}
    assert seen
    assert seen <= set(ROLES[role])
    assert {link: browser.get(link).status_code for link in shown - set(lists)} == dict.fromkeys(
        shown - set(lists), 200
    )


def test_nobody_is_shown_a_way_they_may_not_go(rf: RequestFactory, django_user_model):
    request = rf.get(HOME)
    request.user = django_user_model.objects.create_user("ben", is_staff=True)

    assert navigation_for(request) == []


def test_the_operators_name_and_the_kind_of_installation_are_on_the_page(admin_client, settings):
    settings.ENVIRONMENT_NAME = "staging"

    page = admin_client.get(HOME).content.decode()

    assert settings.OPERATOR_NAME in page
    assert "staging" in page


def test_a_row_says_that_no_real_money_is_behind_it(house):
    payment = house.payment()
    test_order = house.reserve(is_live=False, return_url=None).order

    assert warning_for(test_order).startswith("TEST ORDER")
    assert warning_for(test_order.payments.get()).startswith("TEST ORDER")
    assert warning_for(test_order.bookings.get()).startswith("TEST ORDER")
    assert warning_for(payment).startswith("TEST ACCOUNT: adyen-eu")
    assert warning_for(payment.order) == warning_for(payment.order.bookings.get()) == warning_for(payment)
    assert warning_for(house.reserve(payment_request=None, return_url=None).order) == ""
    assert warning_for(house.partner) == ""
    assert warning_for(ExportRun(is_live=False)).startswith("TEST: it is about no real money")
    assert warning_for(ExportRun(is_live=True)) == ""
    GatewayAccount.objects.update(environment="live")
    payment.account.refresh_from_db()
    assert warning_for(payment) == ""
