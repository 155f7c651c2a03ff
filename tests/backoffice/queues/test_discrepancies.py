"""The queue of discrepancies is narrowed by what finance asks for, and sums up by age, each currency by itself."""

from datetime import date, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone

from backoffice.roles import Role
from reconciliation.aging import BUCKETS, bucket_of
from reconciliation.models import Discrepancy, DiscrepancyState, SettlementSource
from reconciliation.services.importing import source_for

pytestmark = pytest.mark.django_db

AGES = [0, 1, 2, 3, 4, 7, 8, 30, 31, 60, 61, 90, 91, 400]
PAGE = "/admin/queues/discrepancies/"


@pytest.fixture
def finance(browser_with_role):
    return browser_with_role(Role.FINANCE, "fay")


def opened(payment, *, days=0, kind="MISSING_THERE", minor=100, currency="EUR", **fields):
    """Have a discrepancy about an entry of its own."""
    entry = payment.ledger_entries.first()
    entry.pk, entry.amount_minor, entry.currency = None, minor, currency
    entry.save(force_insert=True)
    return Discrepancy.objects.create(
        source=source_for(payment.account.slug, now=timezone.now()),
        kind=kind,
        entry=entry,
        amount_minor=minor,
        currency=currency,
        opened_on=timezone.now().date() - timedelta(days=days),
        opened_at=timezone.now(),
        **fields,
    )


@pytest.fixture
def paid(house):
    return house.paid(house.payment())


def test_an_age_is_in_one_bucket_by_the_page_and_by_sql_alike(paid):
    today = timezone.now().date()
    found = {days: opened(paid, days=days) for days in [-1, *AGES]}

    for days, discrepancy in found.items():
        by_sql = [
            bucket.name for bucket in BUCKETS if Discrepancy.objects.filter(bucket.holds(today), pk=discrepancy.pk)
        ]
        assert by_sql == [bucket_of(discrepancy.opened_on, today).name], days
    assert [bucket.words for bucket in BUCKETS] == [
        *("0 to 1 days", "2 to 3 days", "4 to 7 days", "8 to 30 days", "31 to 60 days", "61 to 90 days"),
        "more than 90 days",
    ]
    assert bucket_of(date(2026, 1, 1), date(2026, 4, 2)).name == "91-"


def test_all_that_is_open_is_summed_up_by_age_and_never_across_currencies(finance, paid):
    opened(paid, minor=450)
    opened(paid, days=1, minor=50)
    opened(paid, days=5, minor=700, currency="JPY")
    opened(paid, days=200, minor=900)
    opened(paid, days=200, minor=5, state=DiscrepancyState.CLOSED, resolution="EXPLAINED", closed_at=timezone.now())

    sums = finance.get(PAGE).context["sums"]

    assert [(each.count, each.amounts) for each in sums] == [
        (2, ("5.00 EUR",)),
        (0, ()),
        (1, ("700 JPY",)),
        (0, ()),
        (0, ()),
        (0, ()),
        (1, ("9.00 EUR",)),
    ]


def test_it_is_narrowed_by_kind_account_currency_state_assignee_and_age(finance, paid):
    fay = get_user_model().objects.get(username="fay")
    young = opened(paid, minor=100)
    old = opened(paid, days=50, minor=200, currency="USD", assignee=fay, state="ASSIGNED")
    asked = opened(paid, days=3, minor=300, state="PROPOSED", proposed_by="ann")
    every = {young, old, asked}

    def shown(**chosen):
        answer = finance.get(PAGE, chosen)
        return {each for each in every if f"/discrepancy/{each.pk}/change/" in answer.content.decode()}

    for chosen, found in (
        ({}, every),
        ({"kind": "MISSING_THERE"}, every),
        ({"kind": "AMOUNT"}, set()),
        ({"source": paid.account.slug}, every),
        ({"source": "elsewhere"}, every),
        ({"currency": "USD"}, {old}),
        ({"state": "PROPOSED"}, {asked}),
        ({"assignee": str(fay.pk)}, {old}),
        ({"assignee": "nobody"}, {young, asked}),
        ({"age": "31-60"}, {old}),
        ({"age": "2-3"}, {asked}),
        ({"age": "nonsense", "assignee": "x"}, every),
        ({"age": "0-1", "currency": "USD"}, set()),
    ):
        assert shown(**chosen) == found, chosen
    sums = finance.get(PAGE, {"currency": "USD"}).context["sums"]
    assert sum(each.count for each in sums) == 1


def test_what_only_the_bank_says_is_shown_as_neither_live_nor_test(finance, paid):
    bank = SettlementSource.objects.create(slug="bank", kind="BANK", reconciled_from=date(2026, 1, 1))
    discrepancy = opened(paid, kind="UNKNOWN_CREDIT", minor=900)
    Discrepancy.objects.filter(pk=discrepancy.pk).update(source=bank)

    answer = finance.get(PAGE)

    assert [(entry["row"].account, entry["row"].is_live) for entry in answer.context["entries"]] == [("bank", None)]


def test_it_offers_what_can_be_done_and_costs_the_same_for_many(finance, paid, django_assert_max_num_queries):
    asked = opened(paid, state="PROPOSED", proposed_by="ann")
    for days in range(30):
        opened(paid, days=days)

    with django_assert_max_num_queries(25):
        text = finance.get(PAGE).content.decode()

    assert reverse("admin:do", args=["approve-discrepancy", asked.pk]) in text
    assert text.count(">Explain …<") == 30
