"""A deposit paid in a session, and the balance later: by the card that was kept, by beat or by the partner's word."""

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings.models import Booking, OutgoingMail
from gateways.models import GatewayAccount
from payments.services import balances
from tests.payments.guest import CARD

DEPOSIT, BALANCE = 1800, 7200


@pytest.fixture
def deposited(trip):
    """A confirmed booking whose guest paid the deposit and agreed to have the card kept."""
    GatewayAccount.objects.filter(slug="adyen-eu").update(stores_cards=True)
    contact = {"firstName": "Ada", "emailAddress": "ada@example.com"}
    held = trip.hold(settlementMethod="DEPOSIT", contact=contact)
    session = held.session
    paid = trip.sandbox.post(f"adyen/sessions/{session}/pay", **CARD, holderName="Ada Byron", storePaymentMethod=True)
    confirmed = held.confirm(session, paid["sessionResult"])
    assert (confirmed["cardPayment"]["totalPaid"], confirmed["cardPayment"]["balance"]) == (DEPOSIT, BALANCE)
    trip.settle()
    return held


def test_the_balance_is_charged_to_the_kept_card_when_it_is_due_and_all_goes_back(trip, deposited, settings):
    settings.PAYMENTS = {**settings.PAYMENTS, "CHARGE_DUE_BALANCES": True}
    today = timezone.now().date() - timedelta(days=1)
    Booking.objects.filter(uuid=deposited.uuid).update(balance_due_date=today)
    deposited.order.installments.filter(kind="BALANCE").update(due_date=today)

    asked = [balances.charge_due_balances(clock=timezone.now) for _ in range(2)]
    trip.settle()

    shown = deposited.read()["cardPayment"]
    assert asked == [1, 0]
    assert deposited.operations == [
        ("SALE", "GATEWAY", "PROCESSED", DEPOSIT),
        ("SALE", "OURS", "PROCESSED", BALANCE),
    ]
    assert (shown["status"], shown["totalPaid"], shown["balance"]) == ("CONFIRMED", DEPOSIT + BALANCE, 0)
    assert len(trip.requests("payments")) == 1
    assert not OutgoingMail.objects.exists()

    deposited.cancel()
    trip.until(
        lambda: deposited.books == {"RECEIVABLE>CLEARING": DEPOSIT + BALANCE, "CLEARING>RECEIVABLE": DEPOSIT + BALANCE},
        "deposit and balance going back",
    )
    trip.settle()
    assert deposited.cases == set()


def test_the_partner_has_the_kept_card_pay_the_balance_and_a_repeat_takes_nothing(trip, deposited):
    (card,) = deposited.read()["cardPayment"]["reusableCards"]
    wish = {"cardPayment": {"cardId": card["id"], "amount": BALANCE}}

    shown = [deposited.change(**wish)["cardPayment"] for _ in range(2)]
    trip.settle()

    assert [(each["totalPaid"], each["balance"]) for each in shown] == [(DEPOSIT + BALANCE, 0)] * 2
    assert deposited.books == {"RECEIVABLE>CLEARING": DEPOSIT + BALANCE}
    assert deposited.status == "CONFIRMED"
