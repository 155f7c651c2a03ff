"""A balance that costs the guest a surcharge, told and counted as the price and what is on top of it."""

import pytest
from django.core import mail

from bookings.models import OutgoingMail
from bookings.requests import BookingChanges
from bookings.services import drain_mails
from payments.checking import ledger_findings, payment_findings
from payments.errors import AmountMismatch
from payments.models import AccountRoute, Opening, Payment, PaymentLink, ReusableCard, SurchargeRule, Transaction
from payments.services import balances, changing, janitor
from payments.services.collecting import PaymentRequest, describe_payment
from payments.services.link_pages import link_page
from tests.payments.guest import opening_of
from tests.payments.house import operations
from tests.payments.test_balances import BALANCE, DEPOSIT, confirm, deposited, hold, make_due, money_of, pay_balance

SURCHARGE_ON_DEPOSIT, SURCHARGE_ON_BALANCE = 54, 216


@pytest.fixture(autouse=True)
def switched_on(settings):
    settings.PAYMENTS = {**settings.PAYMENTS, "CHARGE_DUE_BALANCES": True}


@pytest.fixture
def rule(house) -> SurchargeRule:
    """Three percent on what the guest's card pays."""
    route = AccountRoute.objects.get(partner=house.partner, account__slug="adyen-eu", is_live=True)
    return SurchargeRule.objects.create(route=route, currency="EUR", percent_basis_points=300)


@pytest.mark.django_db
def test_page_and_mail_ask_for_what_the_guest_will_pay(house, rule):
    booking = deposited(house)
    make_due(booking)

    balances.charge_due_balances(clock=house.clock)

    link = PaymentLink.objects.get(order=booking.order)
    page = link_page(link=link, now=house.clock())
    assert (page.due.minor, page.surcharge.minor) == (BALANCE + SURCHARGE_ON_BALANCE, SURCHARGE_ON_BALANCE)
    drain_mails(clock=house.clock)
    (sent,) = mail.outbox
    assert "74,16 EUR" in sent.body
    assert "Darin sind 2,16 EUR Aufpreis für die Kartenzahlung enthalten." in sent.body
    (html, _) = sent.alternatives[0]
    assert "Darin sind 2,16 EUR Aufpreis" in html

    paid = pay_balance(house, booking)
    assert (paid.amount_minor, paid.surcharge_minor) == (BALANCE + SURCHARGE_ON_BALANCE, SURCHARGE_ON_BALANCE)
    page = link_page(link=link, now=house.clock())
    assert (page.due.minor, page.surcharge.minor) == (0, 0)


@pytest.mark.django_db
def test_a_mail_without_a_surcharge_says_nothing_of_one(house):
    booking = deposited(house)
    make_due(booking)

    balances.charge_due_balances(clock=house.clock)

    assert OutgoingMail.objects.get().context["amount_minor"] == 7200
    drain_mails(clock=house.clock)
    assert "Aufpreis" not in mail.outbox[0].body


@pytest.mark.django_db(transaction=True)
class TestCards:
    @pytest.fixture
    def kept(self, house, rule, guest):
        """A confirmed booking whose guest had the card kept that paid the deposit; the balance is due."""
        account = house.accounts["adyen-eu"]
        account.stores_cards = True
        account.save()
        booking = hold(house)
        guest.pay(opening_of(booking), storePaymentMethod=True)
        guest.deliver()
        assert confirm(house, booking).is_confirmed
        make_due(booking)
        return booking

    def test_a_charge_measures_itself_by_prices_and_a_lost_one_is_found_once(self, house, guest, kept):
        guest.sandbox.post("faults", gateway="adyen", operation="payments", fault="answer_lost", times=1)

        balances.charge_due_balances(clock=house.clock)
        charge = Transaction.objects.get(origin="OURS")
        assert (charge.amount_minor, charge.surcharge_minor) == (BALANCE + SURCHARGE_ON_BALANCE, SURCHARGE_ON_BALANCE)
        assert charge.expected_total_minor == DEPOSIT + BALANCE
        house.clock.move(seconds=31)
        janitor.resolve_unknown(clock=house.clock)

        assert [row[2:] for row in operations(kept.order)] == [("PROCESSED", 1854), ("PROCESSED", 7416)]
        money = money_of(kept)
        assert (money.due_minor, money.surplus_minor, money.paid_surcharge_minor) == (0, 0, 270)
        assert [*payment_findings(now=house.clock()), *ledger_findings()] == []

    def test_a_charge_that_never_arrived_is_not_repeated_once_the_guest_has_paid(self, house, guest, kept):
        kept.order.refresh_from_db()
        view = describe_payment(order=kept.order, clock=house.clock)
        guest.sandbox.post("faults", gateway="adyen", operation="payments", fault="reset", times=1)
        balances.charge_due_balances(clock=house.clock)
        guest.pay(Opening.objects.get(gateway_reference=view.client["session"]["id"]))
        guest.deliver()
        assert money_of(kept).paid_minor == DEPOSIT + BALANCE

        house.clock.move(seconds=31)
        janitor.resolve_unknown(clock=house.clock)

        assert len(guest.sandbox.get("requests", operation="payments")["requests"]) == 1
        assert Transaction.objects.get(origin="OURS").status == "PENDING"

    def test_a_partner_that_names_no_amount_is_told_the_one_that_will_be_taken(self, house, guest, kept):
        wish = PaymentRequest(card_id=str(ReusableCard.objects.get().pk))
        payments = Payment.objects.count()

        with pytest.raises(AmountMismatch) as refused:
            changing.update_booking(booking=kept, changes=BookingChanges(), payment_request=wish, clock=house.clock)

        assert refused.value.due.minor == BALANCE + SURCHARGE_ON_BALANCE
        assert (Payment.objects.count(), Transaction.objects.filter(origin="OURS").count()) == (payments, 0)
