"""Whose money is held, for which departure, as it stood at any moment."""

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings.models import Availability, Booking
from gateways.models import GatewayAccount
from gateways.protocol import OutcomeKind
from tests.payments.gifts import sold_gift, spend
from tests.payments.house import build_house
from tests.reconciliation.reports.asking import rows_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def house():
    built = build_house()
    GatewayAccount.objects.update(environment="live")
    return built


def held(as_of=None):
    """Return what is held, by purpose and month."""
    rows = rows_of("trip-money", as_of=as_of or timezone.now() + timedelta(hours=1))
    return {(row["held_for"], row["departure_month"]): row["held_minor"] for row in rows}


def month_of(booking):
    return f"{booking.availability.local_date:%Y-%m}"


def departure(booking, *, days):
    """Return another departure of what was booked."""
    starts_at = booking.availability.starts_at + timedelta(days=days)
    return Availability.objects.create(
        option=booking.option,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=2),
        local_date=starts_at.date(),
        capacity=9,
    )


def test_what_was_paid_is_held_for_its_departure_till_it_goes_back_or_the_trip_runs(house):
    payment = house.paid(house.payment(adults=2))
    booking = Booking.objects.get(order=payment.order)
    month = month_of(booking)
    assert held() == {("NOT_YET_RUN", month): 9_000}

    house.tell(payment, OutcomeKind.REFUNDED, "R1", minor=2_000, of="PSP1")
    house.tell(payment, OutcomeKind.CHARGEBACK, "D1", minor=1_000, of="PSP1")

    assert held() == {("NOT_YET_RUN", month): 6_000}
    assert held(booking.availability.starts_at) == {("RUN", month): 6_000}


def test_a_booking_that_was_moved_is_told_where_it_was_till_then(house):
    payment = house.paid(house.payment(adults=2))
    booking = Booking.objects.get(order=payment.order)
    before, month = timezone.now() + timedelta(minutes=1), month_of(booking)
    later = departure(booking, days=64)

    booking.availability, booking.updated_at = later, before + timedelta(minutes=1)
    booking.save(update_fields=["availability", "updated_at"])

    assert held(before) == {("NOT_YET_RUN", month): 9_000}
    assert held() == {("NOT_YET_RUN", month_of(booking)): 9_000}
    (row,) = rows_of("payments", as_of=before)
    assert f"{row['service_date']:%Y-%m}" == month


def test_the_money_of_an_order_is_shared_out_by_price_to_the_last_minor_unit(house):
    payment = house.paid(house.payment(adults=2))
    first = Booking.objects.get(order=payment.order)
    later = departure(first, days=64)
    fields = {
        field.attname: getattr(first, field.attname)
        for field in Booking._meta.concrete_fields
        if field.attname not in ("id", "uuid", "number", "reference", "availability_id", "retail_minor")
    }
    Booking.objects.create(**fields, reference=f"{first.reference}-2", availability=later, retail_minor=18_001)

    shares = held()

    assert set(shares) == {("NOT_YET_RUN", month_of(first)), ("NOT_YET_RUN", f"{later.local_date:%Y-%m}")}
    assert sum(shares.values()) == 9_000
    assert shares["NOT_YET_RUN", month_of(first)] in (2_999, 3_000)


def test_a_gift_is_owed_to_its_holder_till_it_pays_for_a_trip(house):
    gift = sold_gift(house, 6_000)
    # Its reseller collects what it was sold for, and owes it.
    assert held() == {("GIFT", ""): 6_000, ("NO_TRIP", ""): -6_000}

    payment = house.payment(adults=2)
    spend(gift, payment.order, now=house.clock())

    month = month_of(Booking.objects.get(order=payment.order))
    assert held()["NOT_YET_RUN", month] == 6_000
    assert ("GIFT", "") not in held()
