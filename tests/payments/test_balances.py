"""A deposit now and the balance later: what is due, what is surplus, and what beat does about it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.db import transaction
from django.utils import timezone

from bookings.encryption import decrypt_text
from bookings.models import Booking, OutgoingMail, Product
from bookings.requests import BookingChanges, ContactDetails, UnitItemRequest
from bookings.services import drain_mails, lock_order
from gateways.errors import ErrorCode
from gateways.models import GatewayAccount
from gateways.protocol import ExternalCharge, OutcomeKind
from payments.checking import payment_findings
from payments.errors import AmountMismatch, PaymentRefused
from payments.models import BalanceCollection, Case, Opening, Payment, ReusableCard, Transaction
from payments.selectors import order_money
from payments.services import aftercare, balances, changing, janitor
from payments.services.collecting import NO_REQUEST, PaymentRequest, describe_payment, ensure_payment
from payments.services.confirming import confirm_booking
from payments.services.links import find_link
from payments.tasks import charge_due_balances
from tests.payments.asked_gateway import PATH, SLUG, AskedGateway
from tests.payments.guest import opening_of
from tests.payments.house import House, books, operations
from tests.payments.races import meet, run_together, take_row_locks_away

DEPOSIT, BALANCE, PRICE = 1800, 7200, 9000


@pytest.fixture
def switched_on(settings):
    settings.PAYMENTS = {**settings.PAYMENTS, "CHARGE_DUE_BALANCES": True}


def hold(house: House, **fields) -> Booking:
    contact = ContactDetails(first_name="Ada", email="ada@example.com", locales=("de",))
    wish = {"settlement_method": "DEPOSIT", "contact": contact, **fields}
    return house.reserve(**wish)


def confirm(house: House, booking: Booking, **request):
    return confirm_booking(booking=booking, changes=None, request=PaymentRequest(**request), clock=house.clock)


def deposited(house: House, psp: str = "PSP1", **fields) -> Booking:
    """Return a confirmed booking whose deposit was paid."""
    booking = hold(house, return_url=None, **fields)
    house.paid(Payment.objects.get(order=booking.order, superseded_at__isnull=True), psp)
    assert confirm(house, booking).is_confirmed
    booking.refresh_from_db()
    return Booking.objects.select_related("order").get(pk=booking.pk)


def pay_balance(house: House, booking: Booking, psp: str = "PSP2") -> Payment:
    """Let the guest pay the balance in a session."""
    booking.order.refresh_from_db()
    return house.paid(payment_for(house, booking), psp)


def payment_for(house: House, booking: Booking) -> Payment:
    """Return the payment of what an order owes now."""
    payment, _ = ensure_payment(order=booking.order, request=NO_REQUEST, money=money_of(booking), now=house.clock())
    assert payment is not None
    payment.refresh_from_db()
    return payment


def money_of(booking: Booking):
    booking.order.refresh_from_db()
    return order_money(type(booking.order).objects.get(pk=booking.order_id))


def make_due(booking: Booking, days: int = 0) -> None:
    """Let the balance be due so many days ago."""
    day = timezone.now().date() - timedelta(days=days)
    Booking.objects.filter(pk=booking.pk).update(balance_due_date=day)
    booking.order.installments.filter(kind="BALANCE").update(due_date=day)


def counted(monkeypatch, name: str) -> list[str]:
    """Note each call of a function of the module that collects balances, which runs as it is."""
    calls: list[str] = []
    original = getattr(balances, name)

    def counting(*args, **fields):
        calls.append(name)
        return original(*args, **fields)

    monkeypatch.setattr(balances, name, counting)
    return calls


def refusals(booking: Booking) -> int:
    return Transaction.objects.filter(order=booking.order, status="FAILED").count()


@pytest.mark.django_db
class TestWhatIsDue:
    def test_a_confirmation_asks_for_the_deposit_and_leaves_the_balance(self, house):
        booking = hold(house, return_url=None)
        assert money_of(booking).due_minor == DEPOSIT
        house.paid(Payment.objects.get(order=booking.order))

        done = confirm(house, booking)

        assert (done.is_confirmed, done.money.due_minor) == (True, BALANCE)
        assert money_of(booking).due_minor == BALANCE
        view = describe_payment(order=type(booking.order).objects.get(pk=booking.order_id), clock=house.clock)
        assert (view.balance_minor, view.total_paid_minor, view.state) == (BALANCE, DEPOSIT, "CAPTURED")
        assert Payment.objects.count() == 1
        assert payment_findings(now=house.clock()) == []

    def test_a_paid_balance_is_no_surplus_and_a_second_one_goes_back(self, house):
        booking = deposited(house)
        first = pay_balance(house, booking)

        assert operations(booking.order) == [
            ("SALE", "GATEWAY", "PROCESSED", DEPOSIT),
            ("SALE", "GATEWAY", "PROCESSED", BALANCE),
        ]
        assert (money_of(booking).due_minor, money_of(booking).surplus_minor) == (0, 0)
        assert not Case.objects.exists()

        house.tell(first, OutcomeKind.AUTHORIZED, "PSP3")

        assert ("REFUND", "OURS", "PENDING", BALANCE) in operations(booking.order)
        assert Case.objects.get().kind == "OVERPAID"

    def test_half_as_deposit_is_another_payment_than_the_other_half(self, house):
        Product.objects.update(deposit_percent=50)
        booking = deposited(house)

        second = pay_balance(house, booking)

        assert second.amount_minor == PRICE // 2
        assert sorted(Payment.objects.values_list("captured_minor", flat=True)) == [PRICE // 2, PRICE // 2]

    def test_a_cheaper_booking_gives_back_only_what_exceeds_its_whole_price(self, house):
        booking = deposited(house)
        cheaper = BookingChanges(unit_items=(UnitItemRequest(unit_id=str(house.adult.pk)),))

        changing.update_booking(booking=booking, changes=cheaper, payment_request=None, clock=house.clock)

        assert money_of(booking).due_minor == 4500 - DEPOSIT
        assert [row[0] for row in operations(booking.order)] == ["SALE"]

    def test_cancelling_in_time_gives_back_deposit_and_balance(self, house):
        booking = deposited(house)
        pay_balance(house, booking)

        aftercare.cancel_booking(booking=booking, reason="", force=False, clock=house.clock)

        asked = Transaction.objects.filter(order=booking.order, kind="REFUND").values_list("amount_minor", flat=True)
        assert sorted(asked) == [DEPOSIT, BALANCE]

    def test_cancelling_too_late_keeps_what_was_paid_and_no_more(self, house):
        booking = deposited(house)
        house.option.availabilities.update(starts_at=house.clock() + timedelta(hours=2))
        pay_balance(house, booking)

        aftercare.cancel_booking(booking=booking, reason="", force=True, clock=house.clock)

        booking.refresh_from_db()
        assert (booking.cancellation_refund, booking.kept_minor) == ("NONE", PRICE)
        assert not Transaction.objects.filter(kind="REFUND").exists()

    def test_what_the_gateway_gave_back_of_a_balance_is_shown(self, house):
        booking = deposited(house)
        payment = pay_balance(house, booking)

        house.tell(payment, OutcomeKind.REFUNDED, "RFD1", minor=500, of="PSP2")

        assert Case.objects.get().kind == "BALANCE_REOPENED"
        assert money_of(booking).due_minor == 500

    def test_a_balance_is_captured_at_once_where_deposits_wait_for_their_confirmation(self, house):
        booking = deposited(house)
        GatewayAccount.objects.update(captures_at_once=False)

        assert pay_balance(house, booking).captures_at_once

        assert money_of(booking).due_minor == 0


@pytest.mark.django_db
class TestPartners:
    def test_a_partner_reports_the_balance_it_took_with_its_amount(self, house):
        booking = deposited(house)
        report = {"gateway": "external", "notes": "cash at the desk", "external": ExternalCharge(is_approved=True)}

        def patch(**request):
            return changing.update_booking(
                booking=booking,
                changes=BookingChanges(),
                payment_request=PaymentRequest(**{**report, **request}),
                clock=house.clock,
            )

        with pytest.raises(AmountMismatch):
            patch()
        assert Transaction.objects.count() == 1
        patch(amount_minor=BALANCE)
        patch(amount_minor=BALANCE)  # the same report again

        assert money_of(booking).due_minor == 0
        assert books(booking.order) == {"RECEIVABLE>CLEARING": DEPOSIT, "RECEIVABLE>EXTERNAL": BALANCE}

    def test_confirming_again_never_takes_the_balance(self, house):
        booking = deposited(house)

        report = {"gateway": "external", "notes": "cash at the desk", "external": ExternalCharge(is_approved=True)}
        again = confirm(house, booking, **report, amount_minor=BALANCE)

        assert again.is_confirmed
        assert Transaction.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("switched_on")
class TestLinks:
    def test_without_a_card_the_guest_is_mailed_a_link_once(self, house):
        booking = deposited(house)
        make_due(booking)

        asked = [balances.charge_due_balances(clock=house.clock) for _ in range(2)]

        assert asked == [1, 0]
        written = OutgoingMail.objects.get()
        assert (written.to, written.language) == ("ada@example.com", "de")
        drain_mails(clock=house.clock)
        (sent,) = mail.outbox
        assert sent.subject == f"Bitte bezahlen Sie den Rest Ihrer Buchung {booking.order.reference}"
        assert "72,00 EUR" in sent.body
        link = next(line for line in sent.body.splitlines() if "/pay/" in line)
        made = find_link(token=link.rstrip("/").rpartition("/")[2])
        assert (made.order_id, made.created_by) == (booking.order_id, "system")
        assert made.expires_at == house.clock() + timedelta(days=30)
        assert not Case.objects.exists()

    def test_where_no_gateway_has_a_page_no_link_is_mailed_and_staff_see_it(self, house, settings):
        AskedGateway.begin()
        settings.GATEWAYS = {**settings.GATEWAYS, SLUG: PATH}
        booking = deposited(house)
        GatewayAccount.objects.filter(slug="adyen-eu").update(gateway=SLUG)
        make_due(booking)

        assert balances.charge_due_balances(clock=house.clock) == 1

        assert not OutgoingMail.objects.exists()
        assert Case.objects.get().detail == (
            "72.00 EUR: there is no card; no account that takes this order's money can be paid on our page"
        )

    def test_nothing_is_asked_before_its_day_of_test_orders_or_of_what_is_paid(self, house):
        early, paid = deposited(house), deposited(house, "PSP5")
        test = hold(house, is_live=False, payment_request=None)
        make_due(early, days=-2)
        pay_balance(house, paid, "PSP6")
        make_due(paid)
        make_due(test)

        assert balances.charge_due_balances(clock=house.clock) == 1

        assert [row.order for row in BalanceCollection.objects.all()] == [paid.order]
        assert not OutgoingMail.objects.exists()

    def test_it_is_due_by_the_calendar_of_the_place(self, house):
        booking = deposited(house)
        day = timezone.now().date() + timedelta(days=5)
        make_due(booking, days=-5)
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        Product.objects.update(time_zone="America/New_York")

        house.clock.now = midnight + timedelta(hours=3)
        assert balances.charge_due_balances(clock=house.clock) == 0
        house.clock.now = midnight + timedelta(hours=6)
        assert balances.charge_due_balances(clock=house.clock) == 1

    def test_nobody_is_charged_again_for_what_people_gave_back(self, house):
        booking = deposited(house)
        payment = pay_balance(house, booking)
        house.tell(payment, OutcomeKind.REFUNDED, "RFD1", minor=500, of="PSP2")
        make_due(booking)

        balances.charge_due_balances(clock=house.clock)

        assert not OutgoingMail.objects.exists()
        assert Case.objects.filter(kind="BALANCE_UNPAID").count() == 1

    def test_a_guest_without_an_address_is_a_case(self, house):
        booking = deposited(house, contact=None)
        make_due(booking)

        balances.charge_due_balances(clock=house.clock)

        assert Case.objects.get().detail == "72.00 EUR: there is no card; there is no address to mail a link to"


@pytest.mark.django_db
def test_it_is_off_by_default(house):
    booking = deposited(house)
    make_due(booking)

    assert charge_due_balances() == 0

    assert not BalanceCollection.objects.exists()
    assert not OutgoingMail.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("switched_on")
class TestCards:
    @pytest.fixture
    def kept(self, house, guest):
        """A confirmed booking whose guest agreed to have the card kept that paid the deposit; the balance is due."""
        account = house.accounts["adyen-eu"]
        account.stores_cards = True
        account.save()
        booking = hold(house)
        guest.pay(opening_of(booking), storePaymentMethod=True)
        guest.deliver()
        assert confirm(house, booking).is_confirmed
        make_due(booking)
        return Booking.objects.select_related("order").get(pk=booking.pk)

    @pytest.mark.parametrize("has_lock", [True, False])
    def test_two_beats_at_once_charge_a_kept_card_once(self, house, kept, monkeypatch, has_lock):
        entered = counted(monkeypatch, "_write")
        meet(monkeypatch, balances, "_due_date")
        if not has_lock:
            take_row_locks_away(monkeypatch)

        asked = run_together(*[lambda: balances.charge_due_balances(clock=house.clock)] * 2)

        # Without the lock both are inside, and only the constraints are left to refuse the second charge.
        assert len(entered) == (1 if has_lock else 2)
        assert sorted(asked) == [0, 1]
        charge = Transaction.objects.get(origin="OURS")
        assert (charge.status, charge.amount_minor, charge.requested_by) == ("PROCESSED", BALANCE, "system")
        assert money_of(kept).due_minor == 0
        assert BalanceCollection.objects.get().done_at is not None
        assert not OutgoingMail.objects.exists()
        assert payment_findings(now=house.clock()) == []

    def test_a_refused_card_is_a_link_and_a_case_and_is_not_tried_again(self, house, guest, kept):
        token = decrypt_text(ReusableCard.objects.get().token_encrypted)
        guest.sandbox.post(f"adyen/tokens/{token}/holder", holderName="NOT_ENOUGH_BALANCE")

        asked = [balances.charge_due_balances(clock=house.clock) for _ in range(2)]

        assert (asked, refusals(kept)) == ([1, 0], 1)
        assert OutgoingMail.objects.count() == 1
        case = Case.objects.get(kind="BALANCE_UNPAID")
        assert case.detail.endswith("the guest was mailed a link")

    def test_a_refusal_of_a_balance_that_was_paid_meanwhile_is_nobodys_to_look_at(self, house, guest, kept):
        token = decrypt_text(ReusableCard.objects.get().token_encrypted)
        guest.sandbox.post(f"adyen/tokens/{token}/holder", holderName="NOT_ENOUGH_BALANCE")
        guest.sandbox.post("faults", gateway="adyen", operation="payments", fault="answer_lost", times=1)
        opening = house.opening(payment_for(house, kept), reference="CS9")
        balances.charge_due_balances(clock=house.clock)
        house.tell(opening.payment, OutcomeKind.AUTHORIZED, "PSP9")
        guest.deliver()

        balances.charge_due_balances(clock=house.clock)

        assert (money_of(kept).due_minor, refusals(kept)) == (0, 1)
        assert BalanceCollection.objects.get().done_at is not None
        assert not Case.objects.filter(kind="BALANCE_UNPAID").exists()
        assert not OutgoingMail.objects.exists()

    def test_a_partner_is_told_that_the_card_was_refused(self, house, guest, kept):
        token = decrypt_text(ReusableCard.objects.get().token_encrypted)
        guest.sandbox.post(f"adyen/tokens/{token}/holder", holderName="NOT_ENOUGH_BALANCE")

        with pytest.raises(PaymentRefused) as refused:
            changing.update_booking(
                booking=kept,
                changes=BookingChanges(notes="by the window"),
                payment_request=PaymentRequest(card_id=str(ReusableCard.objects.get().pk), amount_minor=BALANCE),
                clock=house.clock,
            )

        kept.refresh_from_db()
        assert refused.value.error_code is ErrorCode.CREDIT_LIMIT_EXCEEDED
        assert (kept.notes, money_of(kept).due_minor) == ("by the window", BALANCE)

    def test_a_lost_answer_waits_for_the_janitor_and_asks_nobody(self, house, guest, kept):
        guest.sandbox.post("faults", gateway="adyen", operation="payments", fault="answer_lost", times=1)

        balances.charge_due_balances(clock=house.clock)
        assert BalanceCollection.objects.get().done_at is None
        balances.charge_due_balances(clock=house.clock)
        assert Transaction.objects.filter(origin="OURS").count() == 1

        house.clock.move(seconds=31)
        janitor.resolve_unknown(clock=house.clock)
        balances.charge_due_balances(clock=house.clock)

        assert (money_of(kept).due_minor, refusals(kept)) == (0, 0)
        assert BalanceCollection.objects.get().done_at is not None
        assert not OutgoingMail.objects.exists()

    def test_a_worker_that_died_before_its_call_is_replaced_and_the_card_is_charged_once(self, house, guest, kept):
        with transaction.atomic():
            locked = lock_order(order_id=kept.order_id)
            balances._write(locked, kept.order.installments.get(kind="BALANCE").due_date, house.clock())
        assert balances.charge_due_balances(clock=house.clock) == 0
        assert not guest.sandbox.get("requests", operation="payments")["requests"]

        house.clock.move(seconds=61)
        janitor.send_pending(clock=house.clock)
        asked = [balances.charge_due_balances(clock=house.clock) for _ in range(2)]

        assert (asked, money_of(kept).due_minor) == ([0, 0], 0)
        assert len(guest.sandbox.get("requests", operation="payments")["requests"]) == 1
        assert BalanceCollection.objects.get().done_at is not None

    def test_an_expired_card_is_not_tried(self, house, kept):
        ReusableCard.objects.update(expiry_year=2020)

        balances.charge_due_balances(clock=house.clock)

        assert not Transaction.objects.filter(origin="OURS").exists()
        assert OutgoingMail.objects.count() == 1

    def test_a_partner_charges_the_kept_card_for_the_balance(self, house, kept):
        changing.update_booking(
            booking=kept,
            changes=BookingChanges(),
            payment_request=PaymentRequest(card_id=str(ReusableCard.objects.get().pk), amount_minor=BALANCE),
            clock=house.clock,
        )

        assert money_of(kept).due_minor == 0

    def test_a_read_offers_a_session_for_the_balance(self, house, guest, kept):
        view = describe_payment(order=kept.order, clock=house.clock)

        assert (view.balance_minor, view.amount_minor) == (BALANCE, BALANCE)
        opening = Opening.objects.get(gateway_reference=view.client["session"]["id"])
        guest.pay(opening)
        guest.deliver()
        assert money_of(kept).due_minor == 0
        kept.refresh_from_db()
        assert kept.status == "CONFIRMED"
