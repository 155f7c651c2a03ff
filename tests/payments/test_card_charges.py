"""A card charged by its own details: encrypted in a browser, or in the clear where the account takes such."""

from typing import Any

import pytest

from bookings.models import BookingStatus
from gateways.errors import ErrorCode
from gateways.models import GatewayAccount
from gateways.protocol import BillingAddress, BrowserInfo, EncryptedCard, RawCard, Shopper
from money import Money
from payments.errors import (
    InvalidEvidence,
    PaymentPending,
)
from payments.models import Case, Challenge, LedgerEntry, Transaction
from payments.selectors import order_money
from payments.services import aftercare, janitor
from payments.services.card_charges import CardCharge, charge_card, complete_card_charge, describe_card_charge
from tests.payments.bank import answer_the_bank
from tests.payments.house import books, operations

pytestmark = pytest.mark.django_db(transaction=True)

VISA, CHALLENGED = "4111111111111111", "4917610000000000"
ADDRESS = BillingAddress(
    street="Infinite Loop", house_number="1", city="Cupertino", postal_code="95014", country="US", state="CA"
)
BROWSER = BrowserInfo(
    user_agent="Mozilla/5.0", accept_header="*/*", language="en-US", color_depth=24, screen_height=720,
    screen_width=1536, time_zone_offset=-60,
)  # fmt: skip
SHOPPER = Shopper(
    origin="https://shop.example.com", ip="192.0.2.7", email="ada@example.com", billing_address=ADDRESS, browser=BROWSER
)


def encrypted(number: str = VISA, **fields: str) -> EncryptedCard:
    fields = {"expiry_month": "test_03", "expiry_year": "test_2030", "security_code": "test_737", **fields}
    return EncryptedCard(number=f"test_{number}", **{"holder_name": "Ada Byron", **fields})


def raw(number: str = VISA, **fields: str) -> RawCard:
    fields = {"expiry_month": "03", "expiry_year": "2030", "cvc": "737", "holder_name": "Ada Byron", **fields}
    return RawCard(number=number, **fields)


def wish(amount_minor: int = 9000, **fields: Any) -> CardCharge:
    return CardCharge(**{"amount_minor": amount_minor, "currency": "EUR", "card": encrypted(), **fields})


def charge(house, booking, *args: Any, **fields: Any):
    return charge_card(order_id=booking.order_id, request=wish(*args, **fields), clock=house.clock)


@pytest.fixture
def booking(guest, house):
    return house.reserve()


def nothing_written(order) -> bool:
    return not order.transactions.exists() and not LedgerEntry.objects.filter(order=order).exists()


class TestACardThatIsTaken:
    @pytest.mark.parametrize("card", [encrypted(), raw()])
    def test_pays_and_the_booking_is_confirmed_in_the_same_go(self, house, booking, card):
        GatewayAccount.objects.update(takes_raw_cards=True)

        charged = charge(house, booking, card=card, note="paid at the desk, card 4111 1111 1111 1111")

        assert charged.transaction.status == "PROCESSED"
        assert charged.order.status == BookingStatus.CONFIRMED
        assert charged.action is None
        assert charged.transaction.reason == "paid at the desk, card **** **** **** 1111"
        assert (charged.transaction.card_brand, charged.transaction.card_last4) == ("visa", "1111")
        assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}
        payment = charged.transaction.payment
        assert (payment.state, payment.is_one_charge, payment.captured_minor) == ("CAPTURED", True, 9000)

    def test_in_parts_confirms_with_the_last_of_them(self, house, booking):
        first = charge(house, booking, 2500)
        last = charge(house, booking, 6500)

        assert (first.order.status, last.order.status) == (BookingStatus.ON_HOLD, BookingStatus.CONFIRMED)
        assert first.transaction.payment.number != last.transaction.payment.number
        assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}

    def test_may_pay_a_deposit_and_the_balance_before_it_is_asked_for(self, house, guest):
        booking = house.reserve(settlement_method="DEPOSIT")

        charged = charge(house, booking, 9000)

        assert charged.order.status == BookingStatus.CONFIRMED
        assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}

    def test_is_only_held_where_that_is_all_that_was_asked(self, house, booking):
        charged = charge(house, booking, captures=False)

        assert charged.order.status == BookingStatus.ON_HOLD
        assert operations(booking.order) == [("AUTHORIZATION", "OURS", "PROCESSED", 9000)]
        assert books(booking.order) == {}

        captured = aftercare.capture_payment(
            payment=charged.transaction.payment, money=Money(9000, "EUR"), requested_by="maria", clock=house.clock
        )

        assert captured.gateway_reference

    def test_of_an_order_of_several_bookings_confirms_all_of_them(self, house, booking):
        second = house.reserve(order_id=str(booking.order.uuid))

        charged = charge(house, booking, 18000)

        second.refresh_from_db()
        assert (charged.order.status, second.status) == (BookingStatus.CONFIRMED, BookingStatus.CONFIRMED)


class TestADonation:
    def test_is_charged_with_the_price_and_covers_none_of_it(self, house, booking):
        charged = charge(house, booking, 4500, donation_minor=500)

        assert (charged.transaction.amount_minor, charged.transaction.donation_minor) == (5000, 500)
        assert books(booking.order) == {"RECEIVABLE>CLEARING": 4500, "DONATION>CLEARING": 500}
        money = order_money(charged.order)
        assert (money.paid_minor, money.due_minor, money.paid_donation_minor) == (4500, 4500, 500)

    @pytest.mark.parametrize(
        ("refunded", "expected"),
        [
            (1000, {"CLEARING>RECEIVABLE": 1000}),
            (9200, {"CLEARING>RECEIVABLE": 9000, "CLEARING>DONATION": 200}),
            (9500, {"CLEARING>RECEIVABLE": 9000, "CLEARING>DONATION": 500}),
        ],
    )
    def test_goes_back_last(self, house, guest, booking, refunded, expected):
        charged = charge(house, booking, donation_minor=500)

        aftercare.refund_payment(
            payment=charged.transaction.payment, money=Money(refunded, "EUR"), reason="", requested_by="maria",
            clock=house.clock,
        )  # fmt: skip
        guest.deliver()

        taken = {"RECEIVABLE>CLEARING": 9000, "DONATION>CLEARING": 500}
        assert books(booking.order) == {**taken, **expected}

    def test_goes_back_with_a_booking_that_is_cancelled(self, house, guest, booking):
        charge(house, booking, donation_minor=500)
        booking.refresh_from_db()

        aftercare.cancel_booking(booking=booking, reason="", force=False, clock=house.clock)
        guest.deliver()

        assert books(booking.order) == {
            "RECEIVABLE>CLEARING": 9000, "DONATION>CLEARING": 500,
            "CLEARING>RECEIVABLE": 9000, "CLEARING>DONATION": 500,
        }  # fmt: skip


class TestAnUndecidedCharge:
    def test_waits_for_its_guest_and_is_decided_by_what_they_bring_back(self, house, booking):
        charged = charge(house, booking, card=encrypted(CHALLENGED), shopper=SHOPPER)

        assert charged.transaction.status == "PENDING"
        assert charged.action is not None
        assert (charged.action.type, charged.action.method) == ("redirect", "GET")
        assert describe_card_charge(transaction_id=charged.transaction.pk, clock=house.clock).action == charged.action
        with pytest.raises(PaymentPending):
            charge(house, booking)

        evidence = answer_the_bank(charged.action)
        done = complete_card_charge(transaction_id=charged.transaction.pk, evidence=evidence, clock=house.clock)

        assert (done.transaction.status, done.order.status, done.action) == ("PROCESSED", "CONFIRMED", None)
        assert Challenge.objects.get().action_encrypted is None
        again = complete_card_charge(transaction_id=charged.transaction.pk, evidence=evidence, clock=house.clock)
        assert again.transaction.status == "PROCESSED"
        assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}

    def test_that_the_bank_did_not_believe_is_refused(self, house, booking):
        charged = charge(house, booking, card=encrypted(CHALLENGED), shopper=SHOPPER)
        assert charged.action is not None

        evidence = answer_the_bank(charged.action, password="1234")
        done = complete_card_charge(transaction_id=charged.transaction.pk, evidence=evidence, clock=house.clock)

        assert (done.transaction.status, done.transaction.error_code) == ("FAILED", ErrorCode.TRANSACTION_DECLINED)
        assert done.transaction.raw_code == "11"
        assert done.order.status == BookingStatus.ON_HOLD
        assert charge(house, booking).order.status == BookingStatus.CONFIRMED

    def test_whose_guest_never_comes_back_is_over_after_half_an_hour(self, house, booking):
        charged = charge(house, booking, card=encrypted(CHALLENGED), shopper=SHOPPER)

        janitor.resolve_unknown(clock=house.clock)
        assert Transaction.objects.get().status == "PENDING"
        house.clock.move(minutes=31)
        janitor.resolve_unknown(clock=house.clock)

        over = describe_card_charge(transaction_id=charged.transaction.pk, clock=house.clock)
        assert (over.transaction.status, over.transaction.raw_text) == (
            "FAILED",
            "the guest never came back from the bank",
        )
        assert (over.action, Challenge.objects.get().action_encrypted) == (None, None)
        assert Case.objects.count() == 0

    def test_is_not_decided_by_evidence_of_nothing(self, house, booking):
        charged = charge(house, booking, card=encrypted(CHALLENGED), shopper=SHOPPER)

        for evidence in ({"redirectResult": "X6Xtf-made-up"}, {"whatever": "x"}):
            with pytest.raises(InvalidEvidence):
                complete_card_charge(transaction_id=charged.transaction.pk, evidence=evidence, clock=house.clock)

        assert describe_card_charge(transaction_id=charged.transaction.pk, clock=house.clock).action == charged.action

    def test_is_not_decided_by_evidence_of_another_charge(self, house, booking):
        cheap = charge(house, house.reserve(), 1, card=encrypted(CHALLENGED), shopper=SHOPPER)
        dear = charge(house, booking, card=encrypted(CHALLENGED), shopper=SHOPPER)
        assert cheap.action is not None

        with pytest.raises(InvalidEvidence):
            complete_card_charge(
                transaction_id=dear.transaction.pk, evidence=answer_the_bank(cheap.action), clock=house.clock
            )

        assert Transaction.objects.get(pk=dear.transaction.pk).status == "PENDING"
