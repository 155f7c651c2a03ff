from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from bookings import errors
from bookings.models import Booking, Change, Customer, Installment, Order, UnitItem
from bookings.requests import ContactDetails, UnitItemRequest
from tests.bookings.shop import MONDAY_10, NOW

pytestmark = pytest.mark.django_db


def test_reserving_holds_seats_and_fixes_the_price(shop, departure):
    booking = shop.reserve([shop.adult, shop.adult, shop.child])

    departure.refresh_from_db()
    assert departure.reserved == 3
    stored = Booking.objects.get()
    assert stored == booking
    assert (stored.status, stored.seats_held, stored.availability_reference) == ("ON_HOLD", 3, MONDAY_10)
    assert (stored.original_minor, stored.retail_minor, stored.net_minor) == (12500, 11250, 9563)
    assert stored.currency == "EUR"
    assert stored.expires_at == NOW + timedelta(minutes=30)
    assert stored.order.expires_at == stored.expires_at
    assert stored.order.settlement_method == "DIRECT"
    assert stored.number >= 500001
    assert booking.number == stored.number
    assert stored.order.customer.number >= 100001
    assert list(UnitItem.objects.values_list("retail_minor", flat=True).order_by("pk")) == [4500, 4500, 2250]
    assert sorted(Change.objects.values_list("topic", "reason", "version")) == [
        ("booking", "reserved", 1),
        ("order", "reserved", 1),
    ]


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize("uuid", [None, "5d0c5b8e-6b0b-4f5d-9a66-2f1c9f7d1a10"])
def test_reserving_costs_the_same_few_queries_for_one_unit_and_for_twenty(
    shop, departure, django_assert_num_queries, count, uuid
):
    departure.capacity = 50
    departure.save()

    # Two of them are the savepoint's.
    with django_assert_num_queries(9):
        booking = shop.reserve([shop.adult] * count, uuid=uuid)
        assert len(booking.unit_items.all()) == count
        assert booking.unit_items.all()[0].unit.name == "Adult"
        assert booking.product.name == "Kayak tour on the Spree"
        assert booking.order.customer is not None


def test_a_deposit_costs_one_query_more_and_writes_its_installments(shop, django_assert_num_queries):
    with django_assert_num_queries(10):
        booking = shop.reserve([shop.adult], settlement_method="DEPOSIT")

    assert sorted(Installment.objects.filter(order=booking.order).values_list("kind", "amount_minor", "due_date")) == [
        ("BALANCE", 3600, booking.availability.local_date),
        ("DEPOSIT", 900, None),
    ]
