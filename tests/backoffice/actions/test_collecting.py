"""What staff do to have an order paid and confirmed, or to give back what is too much."""

from datetime import timedelta

import pytest
from django.utils import timezone

from backoffice.actions import view
from backoffice.roles import Role
from bookings.models import BookingStatus, Customer
from gateways.protocol import OutcomeKind as Kind
from money import Money
from payments.errors import AlreadyPaid, InvalidCard
from payments.models import AccountRoute, ExternalNote, Payment, PaymentLink, ReusableCard, SurchargeRule, Transaction
from payments.selectors import order_money
from payments.services.cards import revoke_card
from payments.services.links import create_link
from payments.services.staff_charges import charge_stored_card
from tests.backoffice.actions.pressing import (
    audited,
    carry_out,
    look,
    page,
    press,
    refunds,
    refused,
    shown,
    token_for,
    written,
)
from tests.payments.guest import opening_of
from tests.payments.races import run_together

pytestmark = pytest.mark.django_db
CASH = {"method": "cash", "note": "Till 2, Anna", "evidence": "receipt 991"}


@pytest.fixture
def order(house):
    """An order of 90.00 EUR on hold, not paid."""
    return house.reserve(payment_request=None, return_url=None).order


@pytest.fixture
def card(house, guest) -> ReusableCard:
    """A card that the partner's customer ada agreed to have kept and charged."""
    account = house.accounts["adyen-eu"]
    account.stores_cards = True
    account.save()
    booking = house.reserve(customer_reference="ada")
    guest.pay(opening_of(booking), storePaymentMethod=True)
    guest.deliver()
    return ReusableCard.objects.get()


@pytest.fixture
def owed(house, card):
    """Another order of hers, of 90.00 EUR, on hold."""
    return house.reserve(payment_request=None, return_url=None, customer_reference="ada").order


class TestStoredCards:
    def test_it_is_charged_for_all_that_is_due_and_confirms_the_order(self, house, desk, guest, card, owed):
        assert shown(desk, "charge-card", owed, card=str(card.pk), amount="90.00")[0] == ("Price", "90.00 EUR", "")
        now = timezone.now()
        link = create_link(order=owed, expires_at=now + timedelta(days=1), now=now, created_by="partner")

        told = carry_out(desk, "charge-card", owed, card=str(card.pk), amount="90.00")

        charge = Transaction.objects.get(card=card)
        assert (charge.kind, charge.status, charge.amount_minor, charge.requested_by) == (
            "SALE",
            "PROCESSED",
            9000,
            "ada",
        )
        assert told == [f"Payment of 90.00 EUR: done. ({charge.reference})"]
        owed.refresh_from_db()
        link.refresh_from_db()
        assert (owed.status, link.closed_as) == (BookingStatus.CONFIRMED, "WITHDRAWN")
        assert [action for _, action, _ in audited()] == ["charged stored card"]

    def test_a_part_is_charged_with_the_surcharge_on_it_as_shown(self, house, desk, card, owed):
        route = AccountRoute.objects.get(partner=house.partner, account=card.account, is_live=True)
        SurchargeRule.objects.create(route=route, percent_basis_points=300)
        before = written()

        lines = shown(desk, "charge-card", owed, card=str(card.pk), amount="30.00")

        assert lines[:2] == [("Price", "30.00 EUR", ""), ("Surcharge on it", "0.90 EUR", "")]
        assert written() == before
        carry_out(desk, "charge-card", owed, card=str(card.pk), amount="30.00")
        charge = Transaction.objects.get(card=card)
        assert (charge.amount_minor, charge.surcharge_minor) == (3090, 90)
        owed.refresh_from_db()
        assert (owed.status, order_money(owed).due_minor) == (BookingStatus.ON_HOLD, 6000)

    def test_more_than_is_due_and_a_card_of_another_are_not_charged(self, desk, card, owed, order):
        before = written()

        too_much = look(desk, "charge-card", owed, card=str(card.pk), amount="90.01")
        foreign = look(desk, "charge-card", owed, card=str(order.pk), amount="90.00")

        assert too_much.context["form"].errors["amount"] == ["Between nothing and 90.00 EUR."]
        assert "card" in foreign.context["form"].errors
        assert page("charge-card", order) not in desk.get(page("take-external", order)).content.decode()
        with pytest.raises(InvalidCard):
            charge_stored_card(
                order_id=order.pk,
                card_id=str(card.pk),
                money=Money(9000, "EUR"),
                requested_by="ada",
                clock=timezone.now,
            )
        assert written() == before

    def test_a_card_without_consent_or_revoked_meanwhile_is_refused_in_words(self, desk, card, owed):
        token = token_for(desk, "charge-card", owed, card=str(card.pk), amount="90.00")
        before = written()
        revoke_card(card=card, requested_by="ada", now=timezone.now())

        told = press(desk, "charge-card", owed, token)

        assert told == ["The card is not one that can be used for this order."]
        assert written() == before

    @pytest.mark.django_db(transaction=True)
    def test_two_people_at_once_charge_it_once(self, desk_with_limit, card, owed, monkeypatch):
        monkeypatch.setattr(view, "_is_stale", lambda *_: False)
        desks = [desk_with_limit(Role.FINANCE, username=name) for name in ("ben", "cleo")]
        tokens = [token_for(each, "charge-card", owed, card=str(card.pk), amount="90.00") for each in desks]

        run_together(
            lambda: desks[0].post(page("charge-card", owed), {"wish": tokens[0]}),
            lambda: desks[1].post(page("charge-card", owed), {"wish": tokens[1]}),
        )

        assert Transaction.objects.filter(card=card).count() == 1
        assert sorted(action for _, action, _ in audited()) == [
            "charged stored card",
            "not charged stored card",
        ]


class TestElsewhere:
    def test_a_payment_from_elsewhere_is_recorded_with_its_evidence_and_confirms_the_order(self, desk, order):
        told = carry_out(desk, "take-external", order, amount="90.00", **CASH)

        sale = Transaction.objects.get()
        note = ExternalNote.objects.get()
        assert (sale.kind, sale.status, sale.amount_minor, sale.requested_by) == ("SALE", "PROCESSED", 9000, "ada")
        assert (note.text, note.written_by) == ("cash: Till 2, Anna · evidence: receipt 991", "ada")
        assert told == [f"Payment of 90.00 EUR: done. ({sale.reference})"]
        order.refresh_from_db()
        assert order.status == BookingStatus.CONFIRMED
        assert [action for _, action, _ in audited()] == ["recorded external payment"]

    def test_a_part_leaves_the_rest_due_and_the_same_note_again_is_refused(self, desk, order):
        assert shown(desk, "take-external", order, amount="40.00", **CASH)[1] == ("Still due then", "50.00 EUR", "")
        carry_out(desk, "take-external", order, amount="40.00", **CASH)
        before = written()

        told = carry_out(desk, "take-external", order, amount="40.00", **CASH)

        assert told == ["The same amount was recorded under the same note before; nothing was written."]
        assert written() == before
        assert order_money(order).due_minor == 5000

    def test_a_card_number_in_a_note_is_masked_before_it_is_kept(self, desk, order):
        told = {**CASH, "note": "card 4111-1111-1111-1111", "evidence": "5555 4444 3333 1111"}

        carry_out(desk, "take-external", order, amount="90.00", **told)

        text = ExternalNote.objects.get().text
        assert text == "cash: card ****-****-****-1111 · evidence: **** **** **** 1111"
        assert "4111-1111" not in str(audited())

    def test_more_than_is_due_is_not_recorded(self, desk, order):
        before = written()

        answer = look(desk, "take-external", order, amount="90.01", **CASH)

        assert answer.context["form"].errors["amount"] == ["Between nothing and 90.00 EUR."]
        assert written() == before

    def test_what_is_over_takes_no_money(self, house, desk, order):
        token = token_for(desk, "take-external", order, amount="90.00", **CASH)
        type(order).objects.filter(pk=order.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
        before = written()

        told = press(desk, "take-external", order, token)

        assert told == ["The order's hold has run out: nothing can be paid."]
        assert written() == before


class TestPaidAndUnconfirmed:
    def test_what_is_paid_is_confirmed_once(self, desk, paid):
        tokens = [token_for(desk, "confirm", paid.order) for _ in range(2)]

        told = [press(desk, "confirm", paid.order, token) for token in tokens]

        paid.order.refresh_from_db()
        assert paid.order.status == BookingStatus.CONFIRMED
        assert told[0] == [f"{paid.order} is confirmed."]
        assert next(action for _, action, _ in audited()) == "confirmed paid order"

    def test_what_is_not_paid_is_not_offered(self, desk, order):
        answer = desk.get(page("confirm", order), follow=True)

        assert [str(each) for each in answer.context["messages"]] == [
            "There is nothing to do that with any more. Look at what happened."
        ]


class TestOverpaid:
    @pytest.fixture
    def overpaid(self, house):
        """An order paid twice, whose second payment could not be given back by itself: 90.00 EUR too much."""
        payment = house.payment()
        house.opening(payment)
        house.opening(payment, reference="CS2")
        house.tell(payment, Kind.AUTHORIZED, "PSP1")
        house.tell(payment, Kind.AUTHORIZED, "PSP2")
        refund = Transaction.objects.get(kind="REFUND")
        house.tell(payment, Kind.REFUND_FAILED, "PSP2R", of="PSP2", ours=refund.reference)
        payment.refresh_from_db()
        return payment.order

    def test_it_is_given_back_once_as_shown(self, desk, overpaid):
        assert order_money(overpaid).certain_surplus_minor == 9000
        lines = shown(desk, "return-overpayment", overpaid, reason_code="duplicate", reason="paid twice")
        assert [line[:2] for line in lines][-2:] == [("The guest gets", "90.00 EUR"), ("Leaves us", "90.00 EUR")]
        tokens = [
            token_for(desk, "return-overpayment", overpaid, reason_code="duplicate", reason="paid twice")
            for _ in range(2)
        ]

        for token in tokens:
            press(desk, "return-overpayment", overpaid, token)

        asked = [row for row in refunds() if row[2] == "ada"]
        assert asked == [(9000, "duplicate: paid twice", "ada")]
        assert audited()[0][:2] == ("ada", "returned overpayment")

    def test_above_the_limit_a_second_person_is_asked(self, desk_with_limit, overpaid):
        support = desk_with_limit(Role.SUPPORT, 8999)
        before = written()

        carry_out(support, "return-overpayment", overpaid, reason_code="duplicate", reason="paid twice")

        assert written() == before
        assert overpaid.approval_requests.get().what == "OVERPAYMENT"


def test_nothing_is_charged_where_nothing_is_due(house, card, paid):
    Customer.objects.filter(reference="ada").get()
    with pytest.raises((AlreadyPaid, InvalidCard)):
        charge_stored_card(
            order_id=card.order_id,
            card_id=str(card.pk),
            money=Money(100, "EUR"),
            requested_by="ada",
            clock=timezone.now,
        )


def test_a_link_is_refused_where_nobody_could_be_mailed(desk, order):
    told = refused(desk, "send-link", order, days="3", is_mailed="on")

    assert told == ["There is no address to mail a link to. Make it without mailing it."]
    assert not PaymentLink.objects.exists()
    assert Payment.objects.count() == 0
