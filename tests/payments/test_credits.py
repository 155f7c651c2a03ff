"""What comes in on a customer's account is owed to the customer, until it pays for a booking or goes back."""

import pytest
from django.db import connection
from django.utils import timezone

from bookings.models import BookingStatus, Customer, Order
from bookings.requests import BookingChanges
from gateways.protocol import OutcomeKind
from money import Money
from payments.checking import Severity, ledger_findings, payment_findings
from payments.errors import AlreadyPaid, AmountMismatch, CreditTooSmall, CurrencyMismatch, NotPayable, RefundTooLarge
from payments.models import Case, LedgerEntry, Transaction
from payments.selectors import order_money
from payments.services import aftercare, changing, customer_credit, holds, janitor
from payments.services.customer_credit import credit_balances
from tests.payments.credits import booked_for, held_top_up, left, spend, topped_up
from tests.payments.gifts import code as code_of
from tests.payments.gifts import pay_with, sold_gift
from tests.payments.house import books
from tests.payments.races import meet, run_together, take_row_locks_away, without

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)


@pytest.fixture
def customer(house):
    """A guest's account with the partner; nothing is on it."""
    return Customer.objects.create(
        partner=house.partner, is_live=True, full_name="Greta Lindqvist", created_at=timezone.now()
    )


def faults(house):
    found = [*ledger_findings(), *payment_findings(now=house.clock())]
    return [f"{one.code} {one.message}" for one in found if one.severity is Severity.FAULT]


def open_cases():
    return list(Case.objects.filter(closed_at__isnull=True).order_by("kind").values_list("kind", flat=True))


def test_what_is_paid_on_account_is_owed_to_the_customer_and_not_earned(house, customer):
    payment = topped_up(house, customer)

    order = Order.objects.get(pk=payment.order_id)
    assert (order.status, order.money_in_minor) == (BookingStatus.CONFIRMED, 6000)
    assert books(order) == {"RECEIVABLE>CLEARING": 6000, "CUSTOMER_CREDIT>TOP_UPS": 6000}
    assert credit_balances(customer) == [Money(6000, "EUR")]
    assert (open_cases(), faults(house)) == ([], [])


def test_a_top_up_that_is_held_or_refused_credits_nothing(house, customer):
    payment = held_top_up(house, customer)
    house.opening(payment)

    house.tell(payment, OutcomeKind.DECLINED, "TOPUP1")

    assert (left(customer), LedgerEntry.objects.count()) == (0, 0)


def test_credit_pays_a_booking_in_part_and_the_rest_stays_due(house, customer):
    topped_up(house, customer)
    order = booked_for(house, customer)

    paid = spend(house, order, 6000)

    assert (paid.amount, paid.order.status) == (Money(6000, "EUR"), BookingStatus.ON_HOLD)
    assert books(order) == {"RECEIVABLE>CUSTOMER_CREDIT": 6000}
    order.refresh_from_db()
    assert (order.money_in_minor, order_money(order).due_minor, left(customer)) == (6000, 3000, 0)
    assert faults(house) == []


def test_credit_that_covers_a_booking_confirms_it(house, customer):
    topped_up(house, customer, 10000)
    order = booked_for(house, customer)

    paid = spend(house, order, 9000)

    order.refresh_from_db()
    assert (paid.order.status, order.status, order.bookings.get().status) == ("CONFIRMED", "CONFIRMED", "CONFIRMED")
    assert (order.money_in_minor, left(customer)) == (9000, 1000)
    assert faults(house) == []


@pytest.mark.parametrize(
    ("minor", "change", "refusal"),
    [
        (6001, {}, CreditTooSmall),
        (0, {}, AmountMismatch),
        (9001, {}, AmountMismatch),
        (100, {"customer": None}, CreditTooSmall),
        (100, {"status": "CANCELLED"}, NotPayable),
        (100, {"expires_at": timezone.now()}, NotPayable),
        (100, {"currency": "USD"}, CurrencyMismatch),
        (100, {"settlement_method": "VOUCHER"}, AlreadyPaid),
    ],
)
def test_credit_that_cannot_pay_writes_nothing(house, customer, minor, change, refusal):
    topped_up(house, customer)
    order = booked_for(house, customer)
    Order.objects.filter(pk=order.pk).update(**change)
    before = LedgerEntry.objects.count()

    with pytest.raises(refusal):
        spend(house, order, minor)

    assert (LedgerEntry.objects.count(), left(customer)) == (before, 6000)


def test_what_credit_paid_goes_back_to_it_when_the_booking_is_cancelled(house, customer):
    topped_up(house, customer, 9000)
    order = booked_for(house, customer)
    spend(house, order, 9000)

    aftercare.cancel_booking(booking=order.bookings.get(), reason="rain", force=False, clock=house.clock)

    assert books(order) == {"RECEIVABLE>CUSTOMER_CREDIT": 9000, "CUSTOMER_CREDIT>RECEIVABLE": 9000}
    assert (left(customer), Transaction.objects.filter(order=order).count()) == (9000, 0)
    assert faults(house) == []


def test_what_credit_paid_goes_back_to_it_when_the_hold_runs_out(house, customer):
    topped_up(house, customer)
    order = booked_for(house, customer)
    spend(house, order, 6000)
    house.clock.move(hours=1)

    assert holds.expire_holds(now=house.clock()) == 1

    order.refresh_from_db()
    assert (order.status, order.money_in_minor, left(customer)) == (BookingStatus.EXPIRED, 0, 6000)
    assert faults(house) == []


def test_a_cheaper_booking_gives_back_to_what_paid_last(house, customer):
    gift = sold_gift(house, 4500)
    topped_up(house, customer)
    order = booked_for(house, customer)
    pay_with(code_of(gift), order, now=house.clock())
    house.clock.move(seconds=1)
    spend(house, order, 4500)

    cheaper = BookingChanges(unit_items=house.request(1).unit_items)
    changing.update_booking(booking=order.bookings.get(), changes=cheaper, payment_request=None, clock=house.clock)

    assert books(order) == {
        "RECEIVABLE>GIFT_LIABILITY": 4500,
        "RECEIVABLE>CUSTOMER_CREDIT": 4500,
        "CUSTOMER_CREDIT>RECEIVABLE": 4500,
    }
    assert left(customer) == 6000
    assert faults(house) == []


def test_what_credit_paid_goes_back_to_who_paid_though_the_order_is_somebody_elses_by_now(house, customer):
    topped_up(house, customer, 9000)
    order = booked_for(house, customer)
    spend(house, order, 9000)
    somebody = Customer.objects.create(partner=house.partner, is_live=True, created_at=timezone.now())
    Order.objects.filter(pk=order.pk).update(customer=somebody)

    aftercare.cancel_booking(booking=order.bookings.get(), reason="", force=False, clock=house.clock)

    assert (left(customer), left(somebody)) == (9000, 0)


def test_an_unspent_top_up_goes_back_to_the_card_and_off_the_credit(house, customer):
    payment = topped_up(house, customer)

    aftercare.request_refund(
        payment_id=payment.pk, money=Money(4000, "EUR"), reason="asked", requested_by="staff", now=house.clock()
    )
    while_asked = left(customer)
    refund = Transaction.objects.get(kind="REFUND")
    house.tell(payment, OutcomeKind.REFUNDED, "R1", of="TOPUP1", ours=refund.reference, minor=4000)

    assert (while_asked, left(customer), credit_balances(customer)) == (2000, 2000, [Money(2000, "EUR")])
    assert books(payment.order)["TOP_UPS>CUSTOMER_CREDIT"] == 4000
    assert (open_cases(), faults(house)) == ([], [])


def test_what_is_spent_of_a_top_up_cannot_be_refunded(house, customer):
    payment = topped_up(house, customer)
    spend(house, booked_for(house, customer), 4000)

    with pytest.raises(RefundTooLarge) as refused:
        aftercare.request_refund(
            payment_id=payment.pk, money=Money(2001, "EUR"), reason="asked", requested_by="staff", now=house.clock()
        )

    assert refused.value.refundable == Money(2000, "EUR")
    assert not Transaction.objects.filter(kind="REFUND").exists()


def test_what_is_being_refunded_cannot_be_spent(house, customer):
    payment = topped_up(house, customer)
    aftercare.request_refund(
        payment_id=payment.pk, money=Money(4000, "EUR"), reason="asked", requested_by="staff", now=house.clock()
    )

    with pytest.raises(CreditTooSmall) as refused:
        spend(house, booked_for(house, customer), 2001)

    assert refused.value.available == Money(2000, "EUR")


def charged_back(house, customer, *, spent):
    payment = topped_up(house, customer)
    order = booked_for(house, customer)
    if spent:
        spend(house, order, spent)
    house.tell(payment, OutcomeKind.CHARGEBACK, "CB1", of="TOPUP1", minor=6000)
    return payment, order


def test_a_chargeback_takes_unspent_credit_back(house, customer):
    charged_back(house, customer, spent=0)

    assert (left(customer), open_cases(), faults(house)) == (0, ["CHARGEBACK"], [])


def test_a_chargeback_of_what_is_spent_is_a_case_and_never_takes_credit_below_nothing(house, customer):
    payment, _ = charged_back(house, customer, spent=4000)

    assert credit_balances(customer) == []
    assert books(payment.order)["TOP_UPS>CUSTOMER_CREDIT"] == 2000
    assert (open_cases(), faults(house)) == (["CHARGEBACK", "CREDIT_OVERDRAWN"], [])
    assert (
        Case.objects.get(kind="CREDIT_OVERDRAWN").detail == "40.00 EUR went back to the card and had been spent before"
    )


def test_what_a_charged_back_customer_is_owed_again_is_taken_for_it(house, customer):
    _, order = charged_back(house, customer, spent=4000)
    aftercare.cancel_booking(booking=order.bookings.get(), reason="", force=False, clock=house.clock)
    owed_again = left(customer)

    janitor.resolve_unknown(clock=house.clock)

    assert (owed_again, left(customer), open_cases(), faults(house)) == (4000, 0, ["CHARGEBACK"], [])


def test_a_chargeback_that_is_reversed_gives_the_credit_again(house, customer):
    payment, _ = charged_back(house, customer, spent=4000)

    house.tell(payment, OutcomeKind.CHARGEBACK_REVERSED, "CB1", of="TOPUP1", minor=6000)

    assert (left(customer), faults(house)) == (2000, [])


def test_what_a_gateway_gave_back_by_itself_is_taken_off_the_credit_without_a_case(house, customer):
    payment = topped_up(house, customer)

    house.tell(payment, OutcomeKind.REFUNDED, "R1", of="TOPUP1", minor=1500)

    assert (left(customer), open_cases(), faults(house)) == (4500, [], [])


def spend_twice(house, customer, monkeypatch):
    topped_up(house, customer)
    orders = [booked_for(house, customer) for _ in range(2)]
    meet(monkeypatch, customer_credit, "available_credit")
    return run_together(*[lambda order=order: spend(house, order, 6000) for order in orders])


@committed
def test_two_orders_that_spend_one_credit_at_once_never_take_it_below_nothing(house, customer, monkeypatch):
    results = spend_twice(house, customer, monkeypatch)

    assert sorted(type(result).__name__ for result in results) == ["CreditPayment", "CreditTooSmall"]
    assert (credit_balances(customer), faults(house)) == ([], [])


@committed
def test_control_without_the_customers_lock_it_is_spent_twice(house, customer, monkeypatch):
    take_row_locks_away(monkeypatch)

    spend_twice(house, customer, monkeypatch)

    assert credit_balances(customer) == [Money(-6000, "EUR")]
    assert "credit_overspent" in " ".join(faults(house))


def spend_while_it_is_charged_back(house, customer, monkeypatch):
    payment = topped_up(house, customer)
    order = booked_for(house, customer)
    meet(monkeypatch, customer_credit, "credit_balances")
    run_together(
        lambda: spend(house, order, 6000),
        lambda: house.tell(payment, OutcomeKind.CHARGEBACK, "CB1", of="TOPUP1", minor=6000),
    )


@committed
def test_credit_that_is_spent_while_it_is_charged_back_never_falls_below_nothing(house, customer, monkeypatch):
    spend_while_it_is_charged_back(house, customer, monkeypatch)

    assert (credit_balances(customer), faults(house)) == ([], [])


@committed
def test_control_without_locks_it_is_spent_and_charged_back(house, customer, monkeypatch):
    take_row_locks_away(monkeypatch)

    spend_while_it_is_charged_back(house, customer, monkeypatch)

    assert credit_balances(customer) == [Money(-6000, "EUR")]


@committed
@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE payments_ledgerentry SET customer_id = NULL WHERE from_account = 'CUSTOMER_CREDIT'", "stray_entry"),
        (
            "UPDATE payments_ledgerentry SET amount_minor = 5999 WHERE from_account = 'CUSTOMER_CREDIT'",
            "top_up_differs",
        ),
    ],
)
def test_the_checks_find_a_credit_that_is_not_what_came_in(house, customer, statement, code):
    topped_up(house, customer)

    guard = "ALTER TABLE payments_ledgerentry {} TRIGGER ledger_entries_stay"
    with without(guard.format("DISABLE"), guard.format("ENABLE")), connection.cursor() as cursor:
        cursor.execute(statement)

    assert code in {one.code for one in ledger_findings()}
