"""What staff press on lists: done once, told in words, logged with who did it."""

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from gateways.protocol import Card
from money import Money
from payments.admin.columns import page_of
from payments.models import Case, CaseKind, Payment, ReusableCard
from payments.services import aftercare, cases
from payments.services.cards import keep_card
from tests.payments.guest import opening_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bought(house, guest) -> Payment:
    """A payment of 90.00 EUR that a guest made at the sandbox."""
    booking = house.reserve()
    guest.pay(opening_of(booking))
    guest.deliver()
    return Payment.objects.get(order=booking.order)


def logged():
    return [(str(entry.user), entry.get_change_message()) for entry in LogEntry.objects.order_by("pk")]


def test_cases_are_closed_by_name_and_said_on_the_payment(desk, house, guest, bought):
    cases.open_case(payment=bought, kind=CaseKind.AMOUNT_DIFFERS, detail="", now=house.clock())
    case = Case.objects.get()

    answer = desk.post(
        reverse("admin:payments_case_changelist"),
        {"action": "close_cases", "_selected_action": [case.pk]},
        follow=True,
    )

    case.refresh_from_db()
    assert case.closed_by == "ada"
    assert "1 cases closed." in [str(message) for message in answer.context["messages"]]
    assert logged() == [
        ("ada", "Closed: Another amount was paid than was asked."),
        ("ada", "Closed the case: Another amount was paid than was asked."),
    ]


def a_card(house, payment):
    keep_card(payment=payment, card=Card(token="M5N7TQ4TG5PFWR50", brand="visa", last4="1111"), now=house.clock())
    return ReusableCard.objects.get()


def revoke(browser, card, **more):
    return browser.post(
        reverse("admin:payments_reusablecard_changelist"),
        {"action": "revoke_cards", "_selected_action": [str(card.pk)], **more},
        follow=True,
    )


def test_a_card_is_revoked_after_asking_once_more(desk, house, guest, bought):
    card = a_card(house, bought)

    asked = revoke(desk, card).content.decode()
    card.refresh_from_db()
    assert "visa ···· 1111 of Nordwind Reisen at adyen-eu" in asked
    assert "M5N7TQ4TG5PFWR50" not in asked
    assert card.revoked_at is None

    revoke(desk, card, confirmed="Revoke")

    card.refresh_from_db()
    assert card.revoked_at is not None
    assert card.revocation.requested_by == "ada"
    assert logged()[-1][0] == "ada"


def test_revoking_needs_its_permission(browser_of, house, guest, bought):
    card = a_card(house, bought)

    revoke(browser_of("view_reusablecard"), card, confirmed="Revoke")

    card.refresh_from_db()
    assert card.revoked_at is None


def test_the_page_of_a_payment_names_its_webhooks_and_who_asked_for_what(desk, guest, bought):
    aftercare.refund_payment(
        payment=bought, money=Money(1000, "EUR"), reason="rain", requested_by="ada", clock=timezone.now
    )
    guest.deliver()

    told = [(moment.who, moment.what) for moment in desk.get(page_of(bought)).context["moments"]]

    assert told.count(("webhook", "A webhook came in: processed")) == 2
    assert ("ada", "Refund asked for: rain") in told
    assert ("gateway (webhook)", "10.00 EUR was given back to the guest") in told
