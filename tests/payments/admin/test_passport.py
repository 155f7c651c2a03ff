"""A stored card's page says what it may pay and why, who used it, and what became of it when it was revoked."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings.encryption import fingerprint
from bookings.models import Booking, Customer
from gateways.protocol import Card
from payments.admin.columns import page_of
from payments.models import CardRevocation, ReusableCard, Transaction
from payments.services.card_uses import good_until, orders_for_card, reach_of, why_unusable
from payments.services.cards import keep_card, revoke_by_token
from payments.services.consents import consent_text_for
from tests.payments.admin.reading import text_of

pytestmark = pytest.mark.django_db
TOKEN = "tok-of-the-guest"
LIST = "admin:payments_reusablecard_changelist"


@pytest.fixture
def card(house, paid) -> ReusableCard:
    """A card that a guest agreed to have kept while paying."""
    return keep(house, paid)


def keep(house, payment, token=TOKEN, **details):
    opening = payment.openings.all()[0]
    opening.consent_text = consent_text_for(account=payment.account, locale="en", now=house.clock())
    opening.save()
    found = {"brand": "visa", "last4": "1111", "expiry_month": 3, "expiry_year": 2030, **details}
    keep_card(payment=payment, card=Card(token=token, **found), now=house.clock(), opening=opening)
    return ReusableCard.objects.get(token_fingerprint=fingerprint(token))


def revoke(card):
    return reverse("admin:payments_reusablecard_revoke", args=[card.pk])


def test_a_card_may_pay_the_order_it_was_kept_on_and_says_until_when(desk, paid, card):
    booking = paid.order.bookings.get()
    page = text_of(desk.get(page_of(card)))

    assert "May visa ···· 1111 be charged? Yes" in page
    assert "Bound to adyen-eu (adyen); no other account or gateway can charge it" in page
    assert "Mode live orders only" in page
    assert f"May pay order bookings stands why {paid.order.reference} {booking.reference} ON_HOLD" in page
    assert "kept while paying this order" in page
    departure = booking.availability.local_date
    assert f"good until 2030-03-31; the latest departure is on {departure:%Y-%m-%d}" in page
    assert "at the gateway's form, which asks for 3-D Secure where the bank wants it, while paying" in page
    assert "Nobody charged it since it is stored." in page


def test_a_card_of_a_named_guest_may_pay_that_guests_other_orders_of_the_same_mode(house, desk, paid, card):
    guest = Customer.objects.create(
        partner=house.partner, is_live=True, reference="NW-77", full_name="Grace Hopper", created_at=house.clock()
    )
    other, of_another_partner = house.payment(), house.payment(account="adyen-eu", partner=house.other_partner)
    for order in (paid.order, other.order):
        order.customer = guest
        order.save()
    ReusableCard.objects.filter(pk=card.pk).update(customer=guest)
    card.refresh_from_db()

    assert {order.pk for order in orders_for_card(card)} == {paid.order_id, other.order_id}
    assert of_another_partner.order not in orders_for_card(card)
    page = text_of(desk.get(page_of(card)))
    assert "whom Nordwind Reisen calls NW-77: that guest's orders" in page
    assert f"{other.order.reference} {other.order.bookings.get().reference} ON_HOLD the same guest's order" in page


def test_a_card_that_ends_before_the_departure_is_told_so(house, desk, paid, card):
    ReusableCard.objects.filter(pk=card.pk).update(expiry_year=house.clock().year, expiry_month=house.clock().month)
    Booking.objects.filter(order=paid.order).update(balance_due_date=date(2031, 5, 1))

    page = text_of(desk.get(page_of(card)))

    assert "the latest balance is on 2031-05-01, after that" in page


def test_who_used_it_is_listed_with_what_came_of_it(house, desk, paid, card):
    Transaction.objects.create(
        payment=paid,
        order=paid.order,
        account=paid.account,
        card=card,
        kind="SALE",
        origin="OURS",
        status="FAILED",
        error_code="CREDIT_LIMIT_EXCEEDED",
        amount_minor=7200,
        currency="EUR",
        reference="tx_balance",
        idempotency_key="tx_balance",
        requested_by="system",
        requested_at=house.clock(),
    )

    page = text_of(desk.get(page_of(card)))

    assert f"system Payment 72.00 EUR {paid.reference} failed: CREDIT_LIMIT_EXCEEDED" in page
    assert "at the gateway's form" in page


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"expiry_year": 2020, "expiry_month": 1}, "expired"),
        ({"expiry_year": None, "expiry_month": None}, ""),
    ],
)
def test_expired_cards_stay_listed_and_marked(house, desk, card, changes, why):
    ReusableCard.objects.filter(pk=card.pk).update(**changes)
    card.refresh_from_db()

    assert why_unusable(card, has_consent=True, now=house.clock()) == why
    assert f"visa ···· 1111 {why or 'usable'}" in text_of(desk.get(reverse(LIST)))
    assert (good_until(card) is None) == (changes.get("expiry_year", 1) is None)
    assert desk.get(page_of(card)).status_code == 200


def test_a_card_without_consent_is_charged_by_nobody(desk, card):
    card.consents.all()._raw_delete(using="default")

    assert "No, no consent Nobody agreed to its being charged, and it never is." in text_of(desk.get(page_of(card)))


def test_a_card_is_revoked_on_its_page_and_the_proof_is_shown_there(house, desk, card):
    asked = desk.get(revoke(card))
    assert "visa ···· 1111 of Nordwind Reisen at adyen-eu" in text_of(asked)
    assert page_of(card) in asked.content.decode()
    card.refresh_from_db()
    assert card.revoked_at is None

    page = text_of(desk.post(revoke(card), {"confirmed": "yes"}, follow=True))

    card.refresh_from_db()
    assert card.revoked_at is not None
    assert "No, revoked" in page
    assert "revoked by ada on" in page
    CardRevocation.objects.update(done_at=house.clock(), next_attempt_at=None)
    assert "the gateway confirmed the deletion on" in text_of(desk.get(page_of(card)))
    assert "Revoke it" not in text_of(desk.get(page_of(card)))
    assert "visa ···· 1111 revoked" in text_of(desk.get(reverse(LIST)))


def test_a_deletion_that_was_given_up_can_be_tried_anew(desk, card):
    desk.post(revoke(card), {"confirmed": "yes"})
    CardRevocation.objects.update(next_attempt_at=None, attempts=9, last_error="timeout")

    page = text_of(desk.get(page_of(card)))

    assert "still stored after 9 attempts (timeout): revoke it again" in page
    assert "Revoke it" in page


def test_a_card_that_its_gateway_deleted_says_so(house, desk, paid, card):
    revoke_by_token(account=paid.account, token=TOKEN, now=house.clock())

    assert "deleted: the gateway told us so on" in text_of(desk.get(page_of(card)))


def test_nobody_revokes_without_permission(browser_of, card):
    visitor = browser_of("view_reusablecard")

    assert visitor.get(revoke(card)).status_code == 403
    assert visitor.post(revoke(card), {"confirmed": "yes"}).status_code == 403
    assert "Revoke it" not in text_of(visitor.get(page_of(card)))
    card.refresh_from_db()
    assert card.revoked_at is None


def test_no_token_is_on_the_page_and_none_is_read(desk, card):
    with CaptureQueriesContext(connection) as queries:
        page = desk.get(page_of(card)).content.decode()

    assert TOKEN not in page
    assert fingerprint(TOKEN) not in page
    assert [query["sql"] for query in queries if '"token_encrypted"' in query["sql"]] == []


def test_a_cards_page_costs_the_same_queries_however_many_orders_it_may_pay(house, desk, paid, card):
    guest = Customer.objects.create(partner=house.partner, is_live=True, reference="NW-77", created_at=house.clock())
    ReusableCard.objects.filter(pk=card.pk).update(customer=guest)
    paid.order.customer = guest
    paid.order.save()
    desk.get(page_of(card))
    with CaptureQueriesContext(connection) as one:
        desk.get(page_of(card))
    for _ in range(4):
        order = house.payment().order
        order.customer = guest
        order.save()

    with CaptureQueriesContext(connection) as many:
        desk.get(page_of(card))

    assert len(many) == len(one)
    assert len(many) <= 25
    card.refresh_from_db()
    assert reach_of(card).departure == paid.order.bookings.get().availability.local_date
