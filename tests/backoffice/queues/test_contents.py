"""Each queue holds what waits for somebody, and nothing else."""

from datetime import timedelta

import pytest
from django.urls import reverse

from backoffice.models import ApprovalRequest
from backoffice.queues.registry import QUEUES
from gateways.models import GatewayAccount
from payments.models import Case, CaseKind, Payment, Transaction
from payments.services import janitor
from payments.services.cases import close_case, open_case
from reconciliation.models import SettlementSource
from tests.backoffice.queues.situations import names_in, rows_of

pytestmark = pytest.mark.django_db


def test_every_kind_of_case_is_worked_on_in_exactly_one_queue():
    worked_on = [kind for queue in QUEUES for kind in queue.kinds]

    assert sorted(worked_on) == sorted(CaseKind)
    assert len({queue.slug for queue in QUEUES}) == len(QUEUES)


def test_each_queue_holds_its_own_situation_and_no_other(situations):
    situations.confirmed()
    situations.payment()
    expected = {
        "outcome-unknown": {situations.outcome_unknown(), situations.said_to_be_paid()},
        "paid-unconfirmed": {situations.paid_unconfirmed()},
        "overpaid": {situations.overpaid()},
        "disputes": {situations.disputed()},
        "balance-reopened": {situations.balance_reopened()},
        "lapsing-holds": {situations.lapsing_hold()},
        "expiring-cards": {situations.expiring_card()},
        "orphaned-webhooks": {situations.webhook("ORPHAN")},
        "unreadable-webhooks": {situations.webhook("FAILED")},
        "failing-callbacks": {situations.callback("FAILED"), situations.callback("WAITING")},
        "probable-duplicates": {situations.duplicate()},
        "refunds-to-approve": {situations.refund_to_approve()},
        "discrepancies": {situations.discrepancy()},
        "unfetched-reports": {situations.unfetched_report()},
    }
    situations.unfetched_report(tries=1)
    situations.webhook("RECEIVED")
    situations.webhook("PROCESSED")
    situations.callback("WAITING", failures=0)
    situations.callback("FAILED", is_ended=True)
    situations.callback("DELIVERED")

    held = {queue.slug: set(names_in(queue.slug)) for queue in QUEUES}

    assert {slug: names for slug, names in held.items() if names} == expected


@pytest.mark.parametrize("kind", [kind for queue in QUEUES[13:] for kind in queue.kinds])
def test_a_case_without_a_queue_of_its_own_has_one_by_its_kind(situations, kind):
    payment = situations.payment()
    open_case(payment=payment, kind=kind, detail="why", now=situations.now)

    assert {queue.slug: names_in(queue.slug) for queue in QUEUES if names_in(queue.slug)} == {
        kind.lower().replace("_", "-"): [payment.reference]
    }

    close_case(payment=payment, kind=kind, closed_by="ada", now=situations.now)
    assert not any(names_in(queue.slug) for queue in QUEUES)


def test_what_is_decided_leaves_the_board_and_what_a_person_closed_comes_back_while_nobody_knows(situations, house):
    refund = situations.lost_refund()
    Transaction.objects.filter(pk=refund.pk).update(next_check_at=None)
    janitor.resolve_unknown(clock=house.clock)
    case = Case.objects.get(kind="OUTCOME_UNKNOWN", closed_at__isnull=True)

    close_case(payment=case.payment, kind=CaseKind.OUTCOME_UNKNOWN, closed_by="ada", now=house.clock())
    assert names_in("outcome-unknown") == [refund.payment.reference]
    janitor.resolve_unknown(clock=house.clock)
    assert Case.objects.filter(kind="OUTCOME_UNKNOWN", closed_at__isnull=True).exclude(pk=case.pk).exists()

    Transaction.objects.filter(pk=refund.pk).update(status="PROCESSED", unknown_since_at=None)
    assert names_in("outcome-unknown") == []


def test_the_next_departure_comes_first_and_what_never_departs_last(situations):
    references = [situations.paid_unconfirmed() for _ in range(3)]
    later, never, soon = (Payment.objects.get(reference=reference) for reference in references)
    departure = later.order.bookings.get().availability
    departure.pk, departure.starts_at = None, departure.starts_at - timedelta(days=1)
    departure.id = None
    departure.reserved = 0
    departure._state.adding = True
    departure.save()
    soon.order.bookings.update(availability=departure)
    never.order.bookings.update(availability=None)

    assert names_in("paid-unconfirmed") == [soon.reference, later.reference, never.reference]


def test_disputes_are_sorted_by_their_deadline(situations):
    in_a_week = situations.disputed(situations.now + timedelta(days=7))
    without = situations.disputed()
    tomorrow = situations.disputed(situations.now + timedelta(days=1))

    rows = rows_of("disputes")

    assert [row.name for row in rows] == [tomorrow, in_a_week, without]
    assert [row.due_at for row in rows] == [
        situations.now + timedelta(days=1),
        situations.now + timedelta(days=7),
        None,
    ]
    assert rows[0].facts[0].value == "chargeback · 90.00 EUR · Fraud"


def test_a_refund_to_approve_says_what_goes_back_with_the_surcharge(situations):
    situations.refund_to_approve()
    ApprovalRequest.objects.update(total_minor=4635)

    (row,) = rows_of("refunds-to-approve")

    assert row.amount == "46.35 EUR"


@pytest.mark.parametrize(
    ("days", "captured", "is_shown"),
    [(1, False, True), (2, False, True), (7, False, False), (1, True, False)],
)
def test_a_hold_is_shown_when_it_lapses_before_the_departure(situations, house, days, captured, is_shown):
    situations.lapsing_hold()
    house.accounts["adyen-us"].authorization_days = days
    house.accounts["adyen-us"].save()
    if captured:
        Payment.objects.update(authorized_minor=0)

    assert len(rows_of("lapsing-holds")) == is_shown


@pytest.mark.parametrize(("months_after", "is_shown"), [(-1, True), (0, False), (5, False)])
def test_a_card_is_shown_when_its_last_month_is_over_on_the_due_date(situations, months_after, is_shown):
    situations.expiring_card(months_after=months_after)

    assert len(rows_of("expiring-cards")) == is_shown


def test_an_expiring_card_is_no_work_when_another_one_is_good_or_the_balance_is_paid(situations):
    customer = {"customer_reference": "ada"}
    situations.expiring_card(**customer)
    assert len(rows_of("expiring-cards")) == 1

    situations.expiring_card(months_after=9, **customer)

    assert names_in("expiring-cards") == []


def test_an_expiring_card_is_of_the_mode_and_of_the_account_where_it_is_kept(situations):
    reference = situations.expiring_card()

    assert [(row.is_live, row.account) for row in rows_of("expiring-cards")] == [(False, "adyen-eu")]
    assert names_in("expiring-cards", mode="live") == []
    assert names_in("expiring-cards", mode="test") == [reference]

    GatewayAccount.objects.filter(slug="adyen-eu").update(environment="live")

    assert [row.is_live for row in rows_of("expiring-cards")] == [True]
    assert names_in("expiring-cards", mode="live") == names_in("expiring-cards", account="adyen-eu") == [reference]
    assert names_in("expiring-cards", mode="test") == names_in("expiring-cards", account="adyen-us") == []


def test_an_expiring_card_of_a_customer_is_of_the_account_where_it_is_kept(situations):
    customer = {"customer_reference": "ada"}
    first = situations.expiring_card(**customer)
    second = situations.expiring_card(is_kept=False, **customer)

    assert {row.name: row.account for row in rows_of("expiring-cards")} == {first: "adyen-eu", second: "adyen-eu"}


def test_rows_are_narrowed_by_mode_partner_account_and_age(situations, house):
    GatewayAccount.objects.filter(slug="adyen-eu").update(environment="live")
    live = situations.paid_unconfirmed()
    test = situations.paid_unconfirmed(is_live=False)
    other = situations.paid_unconfirmed(partner=house.other_partner)
    # Asked for with a live key, on a test system.
    rehearsed = situations.paid_unconfirmed()
    Payment.objects.filter(reference=rehearsed).update(account=house.accounts["adyen-us"])
    Case.objects.filter(payment__reference=live).update(opened_at=house.clock() - timedelta(days=2))

    assert {row.name: row.is_live for row in rows_of("paid-unconfirmed")} == {
        live: True,
        other: True,
        test: False,
        rehearsed: False,
    }
    assert set(names_in("paid-unconfirmed", mode="test")) == {test, rehearsed}
    assert set(names_in("paid-unconfirmed", mode="live")) == {live, other}
    assert names_in("paid-unconfirmed", partner="blue-harbor") == [other]
    assert names_in("paid-unconfirmed", account="adyen-test") == [test]
    assert names_in("paid-unconfirmed", age="day") == [live]
    assert names_in("orphaned-webhooks", partner="blue-harbor") == []


def test_what_the_page_offers_no_choice_of_narrows_nothing(situations, admin_client):
    situations.discrepancy()
    page = reverse("admin:backoffice_queue", args=["discrepancies"])

    for address in ("?age=week", "?mode=live", "?partner=blue-harbor", "?account=adyen-us"):
        answer = admin_client.get(page + address)

        assert len(answer.context["entries"]) == 1
        assert not answer.context["is_narrowed"]


def test_what_a_bank_tells_is_neither_real_nor_test_money(situations):
    situations.discrepancy()
    SettlementSource.objects.update(kind="BANK", account=None)

    assert [row.is_live for row in rows_of("discrepancies")] == [None]
