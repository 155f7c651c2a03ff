"""A card charged by its own details: encrypted in a browser, or in the clear where the account takes such."""

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import IntegrityError

from bookings.models import BookingStatus
from gateways.errors import ErrorCode
from gateways.models import GatewayAccount
from gateways.protocol import BillingAddress, BrowserInfo, EncryptedCard, RawCard, Shopper
from money import Money
from payments.admin.columns import page_of
from payments.admin.words import outcome_sentence
from payments.checking import ledger_findings, payment_findings
from payments.errors import (
    AlreadyPaid,
    AmountMismatch,
    CardDetailsNotTaken,
    CurrencyMismatch,
    GatewayUnavailable,
    InvalidEvidence,
    InvalidSource,
    NotPayable,
    PaymentPending,
)
from payments.models import (
    AccountRoute,
    Case,
    CaseKind,
    Challenge,
    LedgerEntry,
    Payment,
    SurchargeRule,
    Transaction,
)
from payments.selectors import order_money
from payments.services import aftercare, card_charges, janitor
from payments.services.card_charges import (
    CardCharge,
    CardCharged,
    charge_card,
    complete_card_charge,
    describe_card_charge,
)
from payments.services.challenges import claim_challenged
from payments.splitting import Parts
from tests.gateways.scripted_server import closed_port
from tests.payments.bank import answer_the_bank
from tests.payments.house import books, operations
from tests.payments.races import meet, run_together, take_row_locks_away

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

    def test_is_only_held_where_that_is_all_that_was_asked_and_staff_capture_it(self, house, guest, booking):
        charged = charge(house, booking, captures=False, donation_minor=500)

        assert charged.order.status == BookingStatus.ON_HOLD
        assert operations(booking.order) == [("AUTHORIZATION", "OURS", "PROCESSED", 9500)]
        assert (order_money(charged.order).held_minor, books(booking.order)) == (9000, {})

        aftercare.capture_payment(
            payment=charged.transaction.payment, money=Money(9500, "EUR"), requested_by="maria", clock=house.clock
        )
        guest.deliver()

        assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000, "DONATION>CLEARING": 500}

    def test_costs_the_surcharge_of_its_route_on_top_of_the_price_alone(self, house, booking):
        route = AccountRoute.objects.get(partner=house.partner, account__slug="adyen-eu")
        SurchargeRule.objects.create(route=route, percent_basis_points=300)

        charged = charge(house, booking, donation_minor=500)

        assert charged.transaction.parts == Parts(9000, 270, 500)
        assert charged.order.status == BookingStatus.CONFIRMED
        assert books(booking.order) == {
            "RECEIVABLE>CLEARING": 9000, "SURCHARGE>CLEARING": 270, "DONATION>CLEARING": 500,
        }  # fmt: skip
        assert (payment_findings(now=house.clock()), ledger_findings()) == ([], [])

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

    def test_is_shown_to_staff_and_agrees_with_the_books(self, house, booking, admin_client):
        charged = charge(house, booking, donation_minor=500)

        page = admin_client.get(page_of(charged.transaction.payment)).content.decode()

        for words in ("of it donation", "Donation taken, on top", "of it donation 5.00 EUR", "5.00 EUR"):
            assert words in page
        assert (payment_findings(now=house.clock()), ledger_findings()) == ([], [])
        Transaction.objects.update(donation_minor=400)
        assert "donation_differs" in {finding.code for finding in payment_findings(now=house.clock())}


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

    def test_whose_guest_never_comes_back_is_over_after_half_an_hour(self, house, booking, admin_client):
        charged = charge(house, booking, card=encrypted(CHALLENGED), shopper=SHOPPER)

        janitor.resolve_unknown(clock=house.clock)
        assert Transaction.objects.get().status == "PENDING"
        assert outcome_sentence(Transaction.objects.get())[0].endswith("or ends with their time.")
        house.clock.move(minutes=31)
        janitor.resolve_unknown(clock=house.clock)

        page = admin_client.get(page_of(charged.transaction.payment)).content.decode()
        assert "The guest was sent to the bank, and may come back until" in page
        over = describe_card_charge(transaction_id=charged.transaction.pk, clock=house.clock)
        assert (over.transaction.status, over.transaction.raw_text) == (
            "FAILED",
            "the guest never came back from the bank",
        )
        assert (over.action, Challenge.objects.get().action_encrypted) == (None, None)
        assert Case.objects.count() == 0

    def test_whose_proof_was_brought_by_a_process_that_died_is_unknown_and_not_over(self, house, booking):
        charged = charge(house, booking, card=encrypted(CHALLENGED), shopper=SHOPPER)
        claim_challenged(transaction_id=charged.transaction.pk, now=house.clock())

        for _ in range(8):
            house.clock.move(hours=30)
            janitor.resolve_unknown(clock=house.clock)

        stranded = Transaction.objects.get()
        assert (stranded.status, stranded.unknown_since_at is not None) == ("PENDING", True)
        assert Case.objects.get().kind == CaseKind.OUTCOME_UNKNOWN

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
        # The proof is used up: what it came to is booked where it belongs, without waiting for a webhook.
        assert Transaction.objects.get(pk=cheap.transaction.pk).status == "PROCESSED"
        assert books(cheap.order) == {"RECEIVABLE>CLEARING": 1}
        assert books(booking.order) == {}


class TestACardThatIsRefused:
    @pytest.mark.parametrize(
        ("card", "code", "raw_code"),
        [
            (encrypted(holder_name="DECLINED"), "TRANSACTION_DECLINED", "2"),
            (encrypted(holder_name="NOT_ENOUGH_BALANCE"), "CREDIT_LIMIT_EXCEEDED", "12"),
            (encrypted(holder_name="CARD_EXPIRED"), "INVALID_CARD_EXPIRY", "6"),
            (encrypted(holder_name="ERROR"), "PROCESSOR_UNAVAILABLE", "4"),
            (encrypted("4111111111111112"), "INVALID_CARD_NUMBER", "101"),
            (encrypted(security_code="test_12"), "INVALID_CARD_NUMBER", "103"),
            (encrypted(expiry_year="test_2020"), "INVALID_CARD_EXPIRY", "129"),
            (encrypted(expiry_month="test_13"), "INVALID_CARD_EXPIRY", "140"),
            (encrypted(expiry_month="expired_03"), "UNDEFINED_CARD_ERROR", "172"),
            (encrypted(expiry_month="no blob of ours"), "UNDEFINED_CARD_ERROR", "174"),
            (raw("4111111111111112"), "INVALID_CARD_NUMBER", "101"),
            (raw(expiry_month="13"), "INVALID_CARD_EXPIRY", "140"),
        ],
    )
    def test_is_a_charge_that_failed_and_leaves_the_hold_payable(self, house, booking, card, code, raw_code):
        GatewayAccount.objects.update(takes_raw_cards=True)

        refused = charge(house, booking, card=card, donation_minor=100)

        assert (refused.transaction.status, refused.transaction.error_code) == ("FAILED", ErrorCode(code))
        assert refused.transaction.raw_code == raw_code
        assert refused.order.status == BookingStatus.ON_HOLD
        assert (books(booking.order), Case.objects.count()) == ({}, 0)
        paid = charge(house, booking)
        assert paid.order.status == BookingStatus.CONFIRMED
        assert paid.transaction.payment.number != refused.transaction.payment.number

    def test_for_want_of_the_permission_at_the_processor_is_a_case_for_staff(self, house, sandbox, booking):
        GatewayAccount.objects.update(takes_raw_cards=True)
        name = django_settings.GATEWAY_CREDENTIALS["adyen-eu"]["merchant_account"]
        sandbox.put(f"adyen/accounts/{name}", raw_cards=False)
        try:
            refused = charge(house, booking, card=raw())
        finally:
            sandbox.put(f"adyen/accounts/{name}", raw_cards=True)

        assert (refused.transaction.status, refused.transaction.error_code) == ("FAILED", "UNDEFINED_CARD_ERROR")
        assert Case.objects.get().kind == CaseKind.REJECTED_BY_GATEWAY


class TestNothingIsWrittenOrSent:
    @pytest.mark.parametrize(
        ("fields", "error"),
        [
            ({"amount_minor": 9001}, AmountMismatch),
            ({"amount_minor": 0}, AmountMismatch),
            ({"donation_minor": -1}, AmountMismatch),
            ({"currency": "USD"}, CurrencyMismatch),
            ({"source": "POS"}, CardDetailsNotTaken),
            ({"source": "BARTER"}, InvalidSource),
            ({"card": raw()}, CardDetailsNotTaken),
        ],
    )
    def test_where_the_wish_does_not_fit(self, house, booking, fields, error):
        current = Payment.objects.get()

        with pytest.raises(error):
            charge(house, booking, **fields)

        assert nothing_written(booking.order)
        assert Payment.objects.get() == current
        assert current.superseded_at is None

    def test_where_the_hold_is_over(self, house, booking):
        house.clock.move(minutes=31)

        with pytest.raises(NotPayable):
            charge(house, booking)

        assert nothing_written(booking.order)

    def test_where_the_booking_is_cancelled(self, house, booking):
        aftercare.cancel_booking(booking=booking, reason="", force=False, clock=house.clock)

        with pytest.raises(NotPayable):
            charge(house, booking)

        assert nothing_written(booking.order)

    def test_where_all_is_paid(self, house, booking):
        charge(house, booking)

        with pytest.raises(AlreadyPaid):
            charge(house, booking)

        assert Transaction.objects.count() == 1


class TestALostAnswer:
    def test_is_unknown_never_repeated_and_decided_by_the_webhook(self, house, guest, sandbox, booking):
        sandbox.post("faults", gateway="adyen", operation="payments", fault="answer_lost")

        lost = charge(house, booking)

        assert lost.transaction.status == "PENDING"
        assert lost.transaction.unknown_since_at is not None
        with pytest.raises(PaymentPending):
            charge(house, booking)
        for _ in range(8):
            house.clock.move(hours=30)
            janitor.send_pending(clock=house.clock)
            janitor.resolve_unknown(clock=house.clock)
        assert calls(sandbox, "payments") == 1
        assert Case.objects.get().kind == CaseKind.OUTCOME_UNKNOWN

        guest.deliver()

        told = describe_card_charge(transaction_id=lost.transaction.pk, clock=house.clock)
        assert told.transaction.status == "PROCESSED"
        assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}

    def test_after_the_bank_is_unknown_and_the_same_proof_may_be_brought_again(self, house, sandbox, booking):
        charged = charge(house, booking, card=encrypted(CHALLENGED), shopper=SHOPPER)
        assert charged.action is not None
        evidence = answer_the_bank(charged.action)
        sandbox.post("faults", gateway="adyen", operation="payment_details", fault="answer_lost")

        lost = complete_card_charge(transaction_id=charged.transaction.pk, evidence=evidence, clock=house.clock)

        assert (lost.transaction.status, lost.action) == ("PENDING", None)
        assert lost.transaction.unknown_since_at is not None
        house.clock.move(minutes=40)
        janitor.resolve_unknown(clock=house.clock)
        assert Transaction.objects.get().status == "PENDING"

        again = complete_card_charge(transaction_id=charged.transaction.pk, evidence=evidence, clock=house.clock)

        assert (again.transaction.status, again.order.status) == ("PROCESSED", BookingStatus.CONFIRMED)
        assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}


class TestAGatewayThatCannotBeReached:
    @pytest.fixture
    def nowhere(self, settings):
        with closed_port() as url:
            accounts = settings.GATEWAY_CREDENTIALS
            moved = {**accounts["adyen-eu"], "checkout_base_url": f"{url}/adyen/v72"}
            yield {**accounts, "adyen-eu": moved}

    def test_has_charged_nothing_and_the_next_try_may_be_made_at_once(self, house, settings, nowhere, booking):
        known = settings.GATEWAY_CREDENTIALS
        settings.GATEWAY_CREDENTIALS = nowhere

        failed = charge(house, booking)

        assert (failed.transaction.status, failed.transaction.error_code) == ("FAILED", "PROCESSOR_UNAVAILABLE")
        settings.GATEWAY_CREDENTIALS = known
        assert charge(house, booking).order.status == BookingStatus.CONFIRMED

    def test_lets_a_guest_bring_the_proof_again(self, house, settings, nowhere, booking):
        known = settings.GATEWAY_CREDENTIALS
        charged = charge(house, booking, card=encrypted(CHALLENGED), shopper=SHOPPER)
        assert charged.action is not None
        evidence = answer_the_bank(charged.action)
        settings.GATEWAY_CREDENTIALS = nowhere

        with pytest.raises(GatewayUnavailable):
            complete_card_charge(transaction_id=charged.transaction.pk, evidence=evidence, clock=house.clock)

        settings.GATEWAY_CREDENTIALS = known
        done = complete_card_charge(transaction_id=charged.transaction.pk, evidence=evidence, clock=house.clock)
        assert done.order.status == BookingStatus.CONFIRMED


class TestAtOnce:
    def test_of_two_charges_of_one_order_one_is_made(self, house, sandbox, booking, monkeypatch):
        meet(monkeypatch, card_charges, "order_money")

        results = run_together(lambda: charge(house, booking), lambda: charge(house, booking))

        refused = [result for result in results if isinstance(result, Exception)]
        assert [type(error) for error in refused] in ([PaymentPending], [AlreadyPaid])
        assert calls(sandbox, "payments") == 1
        assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}

    def test_control_without_the_row_lock_the_database_still_refuses_the_second(
        self, house, sandbox, booking, monkeypatch
    ):
        take_row_locks_away(monkeypatch)
        meet(monkeypatch, card_charges, "order_money")

        results = run_together(lambda: charge(house, booking, 1000), lambda: charge(house, booking, 2000))

        (refused,) = [result for result in results if isinstance(result, Exception)]
        assert isinstance(refused, IntegrityError | PaymentPending)
        assert calls(sandbox, "payments") == 1

    def test_two_tabs_that_bring_one_proof_complete_one_charge(self, house, sandbox, booking):
        charged = charge(house, booking, card=encrypted(CHALLENGED), shopper=SHOPPER)
        assert charged.action is not None
        evidence = answer_the_bank(charged.action)

        def complete():
            return complete_card_charge(transaction_id=charged.transaction.pk, evidence=evidence, clock=house.clock)

        results = run_together(complete, complete)

        assert all(isinstance(result, CardCharged | PaymentPending) for result in results)
        assert complete().order.status == BookingStatus.CONFIRMED
        assert calls(sandbox, "payment_details") == 1
        assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}


def calls(sandbox, operation: str) -> int:
    return len(sandbox.get("requests", operation=operation)["requests"])
