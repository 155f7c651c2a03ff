"""A confirmation that makes a booking cheaper than what was paid gives the difference back, as a change would."""

import pytest

from bookings.models import BookingStatus
from payments import tasks
from payments.checking import ledger_findings
from payments.models import Transaction
from payments.selectors import gift_balance, order_money
from payments.states import Status
from tests.payments.confirming import adults, confirm
from tests.payments.gifts import sold_gift, spend
from tests.payments.guest import opening_of
from tests.payments.house import books, operations

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def paid(house, guest):
    """A hold of two adults, 90.00 EUR, paid by card."""
    booking = house.reserve()
    guest.pay(opening_of(booking))
    guest.deliver()
    return booking


def test_what_the_card_paid_too_much_goes_back_once(house, guest, paid):
    for _ in range(2):
        confirmation = confirm(house, paid, adults(house, 1))

    assert confirmation.order.status == BookingStatus.CONFIRMED
    assert operations(paid.order) == [
        ("SALE", "GATEWAY", "PROCESSED", 9000),
        ("REFUND", "OURS", "PENDING", 4500),
    ]
    tasks.drain_operations()
    guest.deliver()
    assert books(paid.order) == {"RECEIVABLE>CLEARING": 9000, "CLEARING>RECEIVABLE": 4500}
    assert order_money(paid.order).certain_surplus_minor == 0


def test_the_difference_goes_back_where_only_evidence_tells_of_the_payment(house, guest):
    booking = house.reserve()
    guest.lose_webhooks()
    opening = opening_of(booking)
    result = guest.pay(opening)["sessionResult"]

    confirm(house, booking, adults(house, 1), opening_reference=opening.gateway_reference, evidence=result)

    refund = Transaction.objects.get(kind="REFUND")
    assert (refund.status, refund.amount_minor) == (Status.PENDING, 4500)


def test_what_a_gift_paid_too_much_goes_back_to_it_at_once(house):
    gift = sold_gift(house, 6000)
    booking = house.reserve(payment_request=None)
    spend(gift, booking.order, now=house.clock())

    confirm(house, booking, adults(house, 1))

    booking.order.refresh_from_db()
    assert (booking.order.status, booking.order.money_in_minor) == (BookingStatus.CONFIRMED, 4500)
    assert books(booking.order) == {"RECEIVABLE>GIFT_LIABILITY": 6000, "GIFT_LIABILITY>RECEIVABLE": 1500}
    assert gift_balance(gift).minor == 1500
    assert ledger_findings() == []


def test_a_confirmation_at_the_same_price_gives_nothing_back(house, paid):
    confirm(house, paid, adults(house, 2))

    assert not Transaction.objects.filter(kind="REFUND").exists()
