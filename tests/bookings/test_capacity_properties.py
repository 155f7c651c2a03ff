"""Whatever happens to bookings in whatever order, seats and prices stay what the bookings say."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bookings.errors import BookingError
from bookings.models import Availability, Booking, Change, UnitItem
from bookings.requests import BookingChanges
from bookings.services import (
    cancel_booking,
    confirm_order,
    expire_order,
    extend_booking,
    retake_seats,
    update_booking,
)
from tests.bookings.shop import MONDAY_10, MONDAY_14, NOW, TUESDAY_10, tickets

pytestmark = pytest.mark.django_db

DEPARTURES = [MONDAY_10, MONDAY_14, TUESDAY_10]
WHICH = st.integers(0, 7)
UNITS = st.lists(st.sampled_from(["adult", "child", "family"]), min_size=1, max_size=6)
STEP = st.one_of(
    st.tuples(st.just("reserve"), UNITS, st.sampled_from(DEPARTURES), st.booleans()),
    st.tuples(st.just("change_units"), WHICH, UNITS),
    st.tuples(st.just("move"), WHICH, st.sampled_from(DEPARTURES)),
    st.tuples(st.sampled_from(["cancel", "confirm", "expire", "retake", "extend"]), WHICH),
)


def take(step, bookings, shop, now):
    verb, *arguments = step
    if verb == "reserve":
        units, departure, is_live = arguments
        chosen = [getattr(shop, unit) for unit in units]
        bookings.append(shop.reserve(chosen, availability_id=departure, is_live=is_live, now=now))
        return
    if not bookings:
        return
    booking = bookings[arguments[0] % len(bookings)]
    if verb == "change_units":
        wanted = tickets(*(getattr(shop, unit) for unit in arguments[1]))
        update_booking(booking=booking, changes=BookingChanges(unit_items=wanted), now=now)
    elif verb == "move":
        update_booking(booking=booking, changes=BookingChanges(availability_id=arguments[1]), now=now)
    elif verb == "cancel":
        cancel_booking(booking=booking, reason=None, force=False, now=now)
    elif verb == "confirm":
        confirm_order(order=booking.order, now=now)
    elif verb == "expire":
        expire_order(order=booking.order, now=now)
    elif verb == "retake":
        retake_seats(order=booking.order, now=now)
    else:
        extend_booking(booking=booking, minutes=45, now=now)


def check_the_books():
    for departure in Availability.objects.all():
        held = Booking.objects.filter(availability=departure).aggregate(total=Sum("seats_held"))["total"] or 0
        assert departure.reserved == held <= departure.capacity
    for booking in Booking.objects.select_related("order"):
        items = UnitItem.objects.filter(booking=booking).select_related("unit")
        assert booking.retail_minor == sum(item.retail_minor for item in items)
        is_alive = booking.status in ("ON_HOLD", "CONFIRMED")
        seats = sum(item.unit.pax_count for item in items)
        assert booking.seats_held == (seats if is_alive and booking.is_live else 0)
        assert booking.order.status == booking.status
        assert booking.order.expires_at == booking.expires_at
        assert (booking.confirmed_at is not None) or booking.status != "CONFIRMED"
        assert booking.order.version == max(
            Change.objects.filter(order=booking.order).values_list("version", flat=True)
        )


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(st.tuples(st.integers(0, 20), STEP), min_size=5, max_size=18))
def test_seats_and_prices_are_what_the_bookings_say(shop, steps):
    with transaction.atomic():
        now, bookings = NOW, []
        for minutes, step in steps:
            now += timedelta(minutes=minutes)
            before = list(Booking.objects.order_by("pk").values()), list(Availability.objects.order_by("pk").values())
            try:
                take(step, bookings, shop, now)
            except BookingError:
                assert before == (
                    list(Booking.objects.order_by("pk").values()),
                    list(Availability.objects.order_by("pk").values()),
                )
            check_the_books()
        transaction.set_rollback(True)
