from datetime import UTC, date, datetime, timedelta

import pytest

from bookings.models import Availability, Booking, BookingStatus, Option, Product
from bookings.rules import (
    availability_reference,
    cancellation_cutoff_at,
    is_cancellable,
    is_confirmable,
    is_updatable,
    slot_of,
    start_from_reference,
    zone_of,
)
from tests.bookings.shop import NOW

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def _slot(*, capacity=10, reserved=0, is_closed=False, now=NOW, seats=1, kind="START_TIME"):
    product = Product(time_zone="Europe/Berlin", availability_type=kind)
    departure = Availability(
        starts_at=START,
        ends_at=START + timedelta(hours=8),
        local_date=date(2026, 11, 23),
        capacity=capacity,
        reserved=reserved,
        is_closed=is_closed,
    )
    return slot_of(departure, Option(booking_cutoff_minutes=60, max_units=8), product, now=now, seats=seats)


@pytest.mark.parametrize(
    ("facts", "status", "is_available", "vacancies"),
    [
        ({}, "AVAILABLE", True, 10),
        ({"reserved": 5}, "AVAILABLE", True, 5),
        ({"reserved": 6}, "LIMITED", True, 4),
        ({"reserved": 9}, "LIMITED", True, 1),
        ({"reserved": 9, "seats": 2}, "LIMITED", False, 1),
        ({"reserved": 10}, "SOLD_OUT", False, 0),
        ({"capacity": 0}, "SOLD_OUT", False, 0),
        ({"capacity": None, "reserved": 500, "seats": 80}, "FREESALE", True, None),
        ({"is_closed": True}, "CLOSED", False, 10),
        ({"now": START - timedelta(minutes=60)}, "CLOSED", False, 10),
        ({"now": START - timedelta(minutes=60, microseconds=1)}, "AVAILABLE", True, 10),
        ({"now": START + timedelta(hours=6), "kind": "OPENING_HOURS"}, "AVAILABLE", True, 10),
        ({"now": START + timedelta(hours=7), "kind": "OPENING_HOURS"}, "CLOSED", False, 10),
    ],
)
def test_how_a_departure_stands(facts, status, is_available, vacancies):
    slot = _slot(**facts)

    assert (slot.status, slot.is_available, slot.vacancies) == (status, is_available, vacancies)
    assert slot.max_units == 8
    assert slot.is_all_day is (facts.get("kind") == "OPENING_HOURS")


@pytest.mark.parametrize(
    ("zone", "starts_at", "reference"),
    [
        ("Europe/Berlin", datetime(2026, 10, 24, 8, tzinfo=UTC), "2026-10-24T10:00:00+02:00"),
        ("Europe/Berlin", datetime(2026, 10, 25, 9, tzinfo=UTC), "2026-10-25T10:00:00+01:00"),
        ("America/New_York", datetime(2026, 11, 1, 5, 30, tzinfo=UTC), "2026-11-01T01:30:00-04:00"),
        ("America/New_York", datetime(2026, 11, 1, 6, 30, tzinfo=UTC), "2026-11-01T01:30:00-05:00"),
        ("Asia/Tokyo", datetime(2026, 11, 22, 15, tzinfo=UTC), "2026-11-23T00:00:00+09:00"),
    ],
)
def test_the_public_id_of_a_departure_tells_the_hour_that_comes_twice_apart(zone, starts_at, reference):
    assert availability_reference(starts_at, zone_of(Product(time_zone=zone))) == reference
    assert start_from_reference(reference) == starts_at


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-11-23", "2026-11-23T10:00:00", "0001-01-01T00:00:00+14:00", "9" * 400, "\x00"]
)
def test_other_texts_name_no_departure(text):
    assert start_from_reference(text) is None


def _booking(*, status=BookingStatus.CONFIRMED, amount=1, unit="day", starts_at=START, zone="Europe/Berlin", **fields):
    return Booking(
        status=status,
        product=Product(time_zone=zone),
        option=Option(cancellation_cutoff_amount=amount, cancellation_cutoff_unit=unit),
        availability=Availability(starts_at=starts_at),
        **fields,
    )


@pytest.mark.parametrize(
    ("zone", "starts_at", "amount", "unit", "cutoff_at"),
    [
        # 25 October 2026 has 25 hours in Berlin, 29 March 23; 1 November 25 in New York, 8 March 23.
        ("Europe/Berlin", datetime(2026, 10, 25, 9, tzinfo=UTC), 1, "day", datetime(2026, 10, 24, 8, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 25, 9, tzinfo=UTC), 24, "hour", datetime(2026, 10, 24, 9, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 3, 29, 8, tzinfo=UTC), 1, "day", datetime(2026, 3, 28, 9, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 15, tzinfo=UTC), 1, "day", datetime(2026, 10, 31, 14, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 8, 14, tzinfo=UTC), 2, "day", datetime(2026, 3, 6, 15, tzinfo=UTC)),
        (
            "America/New_York",
            datetime(2026, 3, 8, 14, tzinfo=UTC),
            90,
            "minute",
            datetime(2026, 3, 8, 12, 30, tzinfo=UTC),
        ),
    ],
)
def test_a_cutoff_in_days_keeps_the_hour_of_the_day_over_a_change_of_the_clocks(
    zone, starts_at, amount, unit, cutoff_at
):
    booking = _booking(zone=zone, starts_at=starts_at, amount=amount, unit=unit)

    assert cancellation_cutoff_at(booking) == cutoff_at
    just_before = cutoff_at - timedelta(microseconds=1)
    assert is_cancellable(booking, now=just_before)
    assert is_updatable(booking, now=just_before)
    assert not is_cancellable(booking, now=cutoff_at)
    assert not is_updatable(booking, now=cutoff_at)


def test_a_booking_without_a_departure_has_no_cutoff():
    booking = Booking(status=BookingStatus.CONFIRMED, availability=None)

    assert cancellation_cutoff_at(booking) is None
    assert is_cancellable(booking, now=NOW)


@pytest.mark.parametrize(
    ("status", "may"),
    [
        ("ON_HOLD", (True, True, True)),
        ("CONFIRMED", (False, True, True)),
        ("EXPIRED", (False, False, False)),
        ("CANCELLED", (False, False, False)),
        ("REDEEMED", (False, False, False)),
    ],
)
def test_what_a_partner_may_do_with_a_booking(status, may):
    booking = _booking(status=status, expires_at=NOW + timedelta(minutes=1) if status == "ON_HOLD" else None)

    asked = is_confirmable(booking, now=NOW), is_cancellable(booking, now=NOW), is_updatable(booking, now=NOW)

    assert asked == may


def test_a_hold_whose_time_is_over_can_only_be_cancelled():
    booking = _booking(status="ON_HOLD", expires_at=NOW)

    assert not is_confirmable(booking, now=NOW)
    assert not is_updatable(booking, now=NOW)
    assert is_cancellable(booking, now=NOW)


def test_what_was_redeemed_stays():
    booking = _booking(redeemed_at=NOW)

    assert not is_cancellable(booking, now=NOW)
    assert not is_updatable(booking, now=NOW)
