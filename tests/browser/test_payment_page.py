"""What support does with a payment at a real browser: reads, narrows, explains, copies, amends."""

import pytest
from playwright.sync_api import expect

from backoffice.roles import Role
from gateways.protocol import Card
from gateways.protocol import OutcomeKind as Kind
from payments.models import ExternalNote, ReusableCard
from payments.services.cards import keep_card
from payments.services.consents import consent_text_for
from tests.browser.conftest import DESKTOP, PHONE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_support_answers_a_caller_and_explains_the_balance(desk_of, house, size):
    payment = house.payment()
    house.opening(payment)
    house.tell(payment, Kind.DECLINED, "PSP0")
    house.tell(payment, Kind.AUTHORIZED, "PSP1")
    house.tell(payment, Kind.REFUNDED, "REF1", of="PSP1", minor=2500)
    payment.transactions.update(card_brand="visa", card_last4="1111")

    desk = desk_of(Role.SUPPORT, size=size)
    desk.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    desk.go("admin:payments_payment_change", payment.pk)
    desk.reads("Was the guest charged? Yes, charged", "90.00 EUR were taken from Visa ···· 1111", "25.00 EUR came back")
    desk.picture("payment-answer")

    desk.follow(desk.page.get_by_role("navigation", name="Narrow what happened").get_by_role("link", name="Ledger"))
    expect(desk.page.locator(".cp-timeline tbody tr")).to_have_count(2)
    desk.page.locator(".cp-timeline summary").first.click()
    desk.reads("cause")

    desk.follow(desk.page.get_by_role("link", name="Explain this balance"))
    desk.reads("Still due: 25.00 EUR", "Every figure is the sum of its steps")
    desk.picture("payment-explained")
    desk.page.get_by_role("button", name="Copy the text").click()
    expect(desk.page.get_by_role("status").filter(has_text="Copied.")).to_be_visible()
    assert "Still to pay: 25.00 EUR." in desk.page.evaluate("navigator.clipboard.readText()")


def test_support_amends_a_note(desk_of, house):
    payment = house.paid(house.payment())
    ExternalNote.objects.create(payment=payment, text="till 4", written_by="partner", written_at=house.clock())

    desk = desk_of(Role.SUPPORT)
    desk.go("admin:payments_payment_change", payment.pk)
    desk.follow(desk.page.get_by_role("link", name="amend …"))
    desk.page.get_by_label("What is right").fill("till 5")
    desk.can_be_used_by_everybody()
    desk.follow(desk.page.get_by_role("button", name="Add the correction"))

    desk.reads("till 5", "before: till 4")
    desk.picture("payment-notes")
    assert ExternalNote.objects.count() == 2


def test_a_manager_revokes_a_stored_card_on_its_page(desk_of, house):
    payment = house.paid(house.payment())
    opening = payment.openings.get()
    opening.consent_text = consent_text_for(account=payment.account, locale="en", now=house.clock())
    opening.save()
    card = Card(token="tok-1", brand="visa", last4="1111", expiry_month=3, expiry_year=2030)
    keep_card(payment=payment, card=card, now=house.clock(), opening=opening)

    desk = desk_of(Role.MANAGER)
    desk.go("admin:payments_reusablecard_change", ReusableCard.objects.get().pk)
    desk.reads("May visa ···· 1111 be charged? Yes", "kept while paying this order")
    desk.picture("card-passport")
    desk.follow(desk.page.get_by_role("link", name="Revoke it …"))
    desk.follow(desk.page.get_by_role("button", name="Revoke"))

    desk.reads("No, revoked", "revoked by manager on")
    desk.picture("card-revoked")
    assert ReusableCard.objects.get().revoked_at is not None
