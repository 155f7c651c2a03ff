"""What other apps know of a payment or a stored card stands on its page, for who may see it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from api.models import Delivery, Subscription
from backoffice.audit import record
from backoffice.roles import Role
from bookings.encryption import encrypt_text, fingerprint
from gateways.protocol import Card
from payments.admin.columns import page_of
from payments.models import ReusableCard
from payments.services.cards import keep_card
from tests.payments.admin.reading import text_of
from tests.reconciliation.till import payout, settled, till_of, written

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid(house):
    return house.paid(house.payment())


def told(house, payment, number=1, **fields):
    """Have a partner told of the payment's order."""
    subscription = Subscription.objects.create(
        partner=payment.partner,
        is_live=True,
        event="order_update",
        url_encrypted=encrypt_text("https://shop.example.com/hook"),
        url_fingerprint=f"{number:064}",
        url_host="shop.example.com",
        created_at=house.clock(),
        updated_at=house.clock(),
    )
    return Delivery.objects.create(
        subscription=subscription,
        order=payment.order,
        subject_id=payment.order_id,
        after_version=0,
        version=3,
        waiting_since_at=house.clock(),
        created_at=house.clock(),
        **fields,
    )


def test_what_the_partner_was_told_is_in_the_timeline_with_its_result(house, paid, browser_with_role):
    told(
        house,
        paid,
        status="DELIVERED",
        attempts=2,
        last_status_code=204,
        last_duration_ms=130,
        last_attempt_at=house.clock(),
        succeeded_at=house.clock() + timedelta(seconds=2),
    )
    told(house, paid, number=2, status="FAILED", attempts=9, last_error="timed out")

    page = text_of(browser_with_role(Role.SUPPORT).get(page_of(paid), {"show": "told"}))

    assert "shop.example.com was told: Order (version 3)" in page
    assert "attempts 2 last attempt" in page
    assert "answered HTTP 204 in 130 ms" in page
    assert "shop.example.com could not be told: Order (version 3) timed out" in page


def test_what_was_settled_is_shown_to_who_may_see_settlement_files(house, paid, user_with_role, client, tmp_path):
    till = till_of(paid)
    till.books(9_000, "P1")
    till.save()
    rows = [settled(9_000, "P1", fee="0.45")]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))

    clerk = user_with_role(Role.SUPPORT)
    client.force_login(clerk)

    assert "What the gateway settled of it" not in text_of(client.get(page_of(paid)))

    clerk.user_permissions.add(Permission.objects.get(codename="view_settlementbatch"))
    page = text_of(client.get(page_of(paid)))
    assert "What the gateway settled of it" in page
    assert "90.00 EUR 0.45 EUR 89.55 EUR" in page
    assert "balanced batch.csv, line 2" in page


def test_what_staff_did_with_a_payment_is_in_its_timeline(paid, browser_with_role):
    record(actor="ada", action="asked gateway", subject=paid, detail="Nothing of this payment is undecided.")
    record(actor="ada", action="made payment link", subject=paid.order, detail="It goes out within seconds.")

    moments = browser_with_role(Role.SUPPORT).get(page_of(paid), {"show": "staff"}).context["moments"]

    told = [(moment.who, moment.what) for moment in moments]
    assert told == [("ada", "Asked gateway: Nothing of this payment is undecided.")]


def test_who_looked_at_a_stored_card_is_shown_to_who_may_read_the_audit_log(house, paid, browser_with_role):
    keep_card(payment=paid, card=Card(token="tok-1", brand="visa", last4="1111"), now=house.clock())
    card = ReusableCard.objects.get(token_fingerprint=fingerprint("tok-1"))
    support = browser_with_role(Role.SUPPORT)
    support.get(page_of(card))

    page = text_of(browser_with_role(Role.AUDITOR).get(page_of(card)))

    assert "Who looked at it, and what was done with it" in page
    assert "support viewed card" in page
    assert "Who looked at it" not in text_of(support.get(page_of(card)))


def test_a_payments_page_costs_the_same_queries_however_often_a_partner_was_told(house, paid, browser_with_role):
    finance = browser_with_role(Role.FINANCE)
    told(house, paid, status="DELIVERED")
    finance.get(page_of(paid))
    with CaptureQueriesContext(connection) as once:
        finance.get(page_of(paid))
    for number in range(2, 6):
        told(house, paid, number=number, status="DELIVERED")

    with CaptureQueriesContext(connection) as often:
        finance.get(page_of(paid))

    assert len(often) == len(once)
    assert len(often) <= 64


def test_the_history_of_a_row_is_its_part_of_the_audit_log_for_who_may_read_that(paid, browser_with_role):
    manager, support = browser_with_role(Role.MANAGER), browser_with_role(Role.SUPPORT)
    record(actor="ada", action="asked gateway", subject=paid, detail="Nothing is undecided.")
    record(actor="ada", action="refunded order", subject=paid.order)
    history = reverse("admin:payments_payment_history", args=[paid.pk])

    log = manager.get(history, follow=True)

    assert [entry.action for entry in log.context["cl"].result_list] == ["asked gateway"]
    assert support.get(history).status_code == 403
    assert manager.get(reverse("admin:payments_payment_history", args=[paid.order_id])).status_code == 404
    assert (history in manager.get(page_of(paid)).content.decode()) is True
    assert (history in support.get(page_of(paid)).content.decode()) is False
