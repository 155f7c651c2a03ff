import pytest

from bookings.models import Gift
from money import Money
from payments.errors import GiftNotUsable
from payments.models import LedgerEntry
from payments.selectors import gift_balance, order_money
from payments.services import tenders
from tests.payments.house import books
from tests.payments.races import meet, run_together, take_row_locks_away

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def gift(house):
    """A gift of 60.00 EUR that was bought on an order of its own."""
    now = house.clock()
    bought_on = house.reserve(payment_request=None).order
    return Gift.objects.create(
        reference="GF-7Q2KMX4H", order=bought_on, partner=house.partner, is_live=True, status="CONFIRMED",
        amount_minor=6000, currency="EUR", confirmed_at=now, created_at=now, updated_at=now,
    )  # fmt: skip


def spend(house, gift, order):
    return tenders.spend_gift(gift_id=gift.pk, order_id=order.pk, now=house.clock())


def test_a_gift_pays_in_part_and_the_rest_stays_due(house, gift):
    order = house.reserve(payment_request=None).order

    assert spend(house, gift, order) == Money(6000, "EUR")

    assert gift_balance(gift) == Money(0, "EUR")
    assert (order_money(order).due_minor, order_money(order).is_covered) == (3000, False)
    assert books(order) == {"RECEIVABLE>GIFT_LIABILITY": 6000}
    order.refresh_from_db()
    assert order.money_in_minor == 6000


def test_a_gift_pays_no_more_than_is_due_and_keeps_the_rest(house, gift):
    order = house.reserve(adults=1, payment_request=None).order

    assert spend(house, gift, order) == Money(4500, "EUR")
    assert spend(house, gift, order) == Money(0, "EUR")

    assert gift_balance(gift) == Money(1500, "EUR")
    assert order_money(order).is_covered


def test_what_a_gift_paid_goes_back_to_it_once(house, gift):
    order = house.reserve(payment_request=None).order
    spend(house, gift, order)

    returned = [tenders.return_gift(gift_id=gift.pk, order_id=order.pk, now=house.clock()) for _ in range(2)]

    assert returned == [Money(6000, "EUR"), Money(0, "EUR")]
    assert gift_balance(gift) == Money(6000, "EUR")
    assert order_money(order).due_minor == 9000


@pytest.mark.parametrize(
    "change", [{"currency": "USD"}, {"is_live": False}, {"status": "ON_HOLD"}, {"amount_minor": 1}]
)
def test_a_gift_that_cannot_pay_writes_nothing(house, gift, change):
    first, order = house.reserve(payment_request=None).order, house.reserve(payment_request=None).order
    if "amount_minor" in change:
        spend(house, gift, first)
    else:
        Gift.objects.filter(pk=gift.pk).update(**change)
    before = LedgerEntry.objects.count()

    with pytest.raises(GiftNotUsable):
        spend(house, gift, order)

    assert LedgerEntry.objects.count() == before


def test_a_gift_of_another_partner_does_not_exist(house, gift):
    order = house.reserve(payment_request=None, partner=house.other_partner).order

    with pytest.raises(GiftNotUsable):
        spend(house, gift, order)


def race(house, gift, monkeypatch):
    orders = [house.reserve(payment_request=None).order for _ in range(2)]
    meet(monkeypatch, tenders, "gift_balance")
    return run_together(*[lambda order=order: spend(house, gift, order) for order in orders])


def test_two_orders_that_spend_one_gift_at_once_never_take_it_below_zero(house, gift, monkeypatch):
    results = race(house, gift, monkeypatch)

    assert gift_balance(gift) == Money(0, "EUR")
    assert sorted(type(result).__name__ for result in results) == ["GiftNotUsable", "Money"]


def test_control_without_the_gifts_lock_it_is_spent_twice(house, gift, monkeypatch):
    take_row_locks_away(monkeypatch)

    race(house, gift, monkeypatch)

    assert gift_balance(gift) == Money(-6000, "EUR")
