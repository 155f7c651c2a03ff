"""The money-at-risk board says of each outcome what is known, until when it is safe, and the one thing to do."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from backoffice.queues.at_risk import totals_at_risk
from backoffice.roles import Role
from gateways.models import GatewayAccount
from payments.models import Case, CaseKind, Transaction
from payments.services.cases import open_case
from tests.backoffice.queues.situations import rows_of

pytestmark = pytest.mark.django_db
BOARD = "outcome-unknown"


def facts_of(row) -> dict[str, str]:
    return {fact.name: fact.value for fact in row.facts}


def test_a_card_says_all_that_is_known_about_a_lost_answer(situations, house):
    refund = situations.lost_refund(name="Grace Hopper")

    (row,) = rows_of(BOARD)

    sent, safe_until = refund.first_sent_at, refund.first_sent_at + timedelta(days=7)
    assert (row.amount, row.guest, row.partner, row.account) == (
        "20.00 EUR",
        "Grace Hopper",
        "Nordwind Reisen",
        "adyen-eu",
    )
    assert row.departs_at == refund.order.bookings.get().availability.starts_at
    facts = facts_of(row)
    assert facts["Sent"] == f"Refund of 20.00 EUR, {sent:%Y-%m-%d %H:%M:%S} UTC"
    assert facts["Key"] == refund.idempotency_key
    assert facts["The gateway said last"] == "The guest paid 90.00 EUR"
    assert facts["Safe to repeat with this key"] == f"until {safe_until:%Y-%m-%d %H:%M:%S} UTC"
    assert facts["Asked again by itself"].startswith(f"{refund.next_check_at:%Y-%m-%d %H:%M:%S} UTC (")
    assert row.detail.startswith("Ask the gateway again")
    assert [button.label for button in row.buttons] == ["Ask the gateway again …"]


def test_a_key_that_is_too_old_is_repeated_by_nobody_and_a_person_looks_it_up(situations):
    refund = situations.lost_refund()
    Transaction.objects.filter(pk=refund.pk).update(
        first_sent_at=timezone.now() - timedelta(days=8), next_check_at=None
    )

    (row,) = rows_of(BOARD)

    assert facts_of(row)["Safe to repeat with this key"].startswith("no longer, since ")
    assert facts_of(row)["Asked again by itself"] == "no more"
    assert row.detail.startswith("Look the key up in the gateway's back office.")
    assert [(button.label, str(refund.pk) in button.url) for button in row.buttons] == [("It was not done …", True)]


def test_what_the_gateway_took_on_waits_for_its_webhook(situations, house):
    refund = situations.lost_refund()
    Transaction.objects.filter(pk=refund.pk).update(
        gateway_reference="PSPREFUND", unknown_since_at=None, next_check_at=None
    )
    assert rows_of(BOARD) == []

    open_case(payment=refund.payment, kind=CaseKind.WEBHOOK_MISSING, detail="no result", now=house.clock())

    (row,) = rows_of(BOARD)
    assert row.detail.startswith("The gateway has it: have it send its webhook again")
    assert row.work.case_id == Case.objects.get(kind="WEBHOOK_MISSING").pk


@pytest.mark.parametrize(
    ("gateway", "changes", "step", "safe"),
    [
        ("adyen", {}, "Ask", "until"),
        ("adyen", {"claimed_until": timezone.now() + timedelta(days=1)}, "Wait", "until"),
        ("adyen", {"parent": None}, "Look", "no: it could act twice"),
        ("adyen", {"origin": "GATEWAY"}, "The gateway has it", "no: it could act twice"),
        ("viva", {}, "Ask", "no: it could act twice"),
        ("spreedly", {"first_sent_at": None}, "Ask", "no: it could act twice"),
    ],
)
def test_the_safe_step_is_what_the_gateway_and_the_operation_allow(situations, gateway, changes, step, safe):
    refund = situations.lost_refund()
    GatewayAccount.objects.update(gateway=gateway)
    Transaction.objects.filter(pk=refund.pk).update(**changes)

    (row,) = rows_of(BOARD)

    assert row.detail.startswith(step)
    assert facts_of(row)["Safe to repeat with this key"].startswith(safe)


def test_a_dispute_that_takes_weeks_is_not_on_the_board(situations, house):
    situations.disputed()
    Transaction.objects.filter(kind="CHARGEBACK").update(status="PENDING", unknown_since_at=house.clock())

    assert rows_of(BOARD) == []


def test_totals_are_by_currency_and_by_whether_money_is_real_and_never_added_over_either(situations, house):
    GatewayAccount.objects.filter(slug="adyen-eu").update(environment="live")
    situations.outcome_unknown(minor=2000)
    situations.outcome_unknown(minor=500)
    situations.outcome_unknown(minor=700, is_live=False)
    situations.said_to_be_paid()
    dollars = situations.lost_refund(minor=100)
    on_a_test_system = GatewayAccount.objects.get(slug="adyen-us")
    Transaction.objects.filter(pk=dollars.pk).update(currency="USD", account=on_a_test_system)

    totals = [(str(total.money), total.count, total.is_live) for total in totals_at_risk(timezone.now())]

    assert totals == [("115.00 EUR", 3, True), ("7.00 EUR", 1, False), ("1.00 USD", 1, False)]


def test_the_board_is_told_as_json_to_those_who_may_see_it(situations, browser_with_role, client):
    GatewayAccount.objects.update(environment="live")
    refund = situations.lost_refund(name="Grace Hopper")
    address = reverse("admin:backoffice_at_risk_json")

    answer = browser_with_role(Role.AUDITOR).get(address).json()

    assert answer["totals"] == [{"amountMinor": 2000, "currency": "EUR", "count": 1, "isLive": True}]
    assert answer["next"] is None
    (told,) = answer["outcomes"]
    assert told == {
        "payment": refund.payment.reference,
        "isLive": True,
        "partner": "nordwind-reisen",
        "account": "adyen-eu",
        "amountMinor": 2000,
        "currency": "EUR",
        "guest": "Grace Hopper",
        "departsAt": refund.order.bookings.get().availability.starts_at.isoformat(),
        "unknownSince": refund.unknown_since_at.isoformat(),
        "sent": {"what": "Refund", "at": refund.first_sent_at.isoformat(), "key": refund.idempotency_key},
        "gatewaySaid": told["gatewaySaid"],
        "keySafeUntil": (refund.first_sent_at + timedelta(days=7)).isoformat(),
        "nextCheckAt": refund.next_check_at.isoformat(),
        "safeStep": {"code": "ASK", "words": "Ask the gateway again: it repeats nothing that could act twice."},
        "holder": "",
    }
    assert told["gatewaySaid"]["what"] == "AUTHORIZED"
    assert client.get(address).status_code == 302
