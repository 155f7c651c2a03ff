from datetime import UTC, date, datetime

import pytest

from bookings.models import Availability
from bookings.rules import slot_of
from bookings.services.catalogue import ensure_availabilities, ensure_option, ensure_product
from tests.bookings.shop import NOW

pytestmark = pytest.mark.django_db


def _product(supplier, *, zone, kind="START_TIME"):
    return ensure_product(
        supplier=supplier,
        reference=f"{zone}-{kind}",
        name="Harbor walk",
        time_zone=zone,
        availability_type=kind,
        default_currency="USD",
        delivery_formats=[],
        delivery_methods=["VOUCHER"],
        settlement_methods=["DIRECT"],
    )


def _references(departures, option):
    return [slot_of(each, option, option.product, now=NOW).reference for each in departures]


def test_making_departures_twice_makes_them_once_and_keeps_what_is_sold(option):
    first = ensure_availabilities(option=option, from_date=date(2026, 11, 23), days=3, capacity=10, now=NOW)
    Availability.objects.filter(pk=first[0].pk).update(reserved=7)

    again = ensure_availabilities(option=option, from_date=date(2026, 11, 23), days=4, capacity=99, now=NOW)

    assert [each.pk for each in again[:6]] == [each.pk for each in first]
    assert [(each.capacity, each.reserved) for each in again[:2]] == [(10, 7), (10, 0)]
    assert len(again) == 8


def test_departures_that_are_over_are_not_made(option):
    made = ensure_availabilities(
        option=option, from_date=date(2026, 11, 21), days=1, capacity=10, now=datetime(2026, 11, 21, 11, 30, tzinfo=UTC)
    )

    assert _references(made, option) == ["2026-11-21T14:00:00+01:00"]


@pytest.mark.parametrize(
    ("zone", "day", "times", "references"),
    [
        ("Europe/Berlin", date(2027, 3, 28), ["02:30", "10:00"], ["2027-03-28T10:00:00+02:00"]),
        (
            "Europe/Berlin",
            date(2027, 10, 31),
            ["02:30", "10:00"],
            ["2027-10-31T02:30:00+02:00", "2027-10-31T10:00:00+01:00"],
        ),
        ("America/New_York", date(2027, 3, 14), ["02:30", "10:00"], ["2027-03-14T10:00:00-04:00"]),
        (
            "America/New_York",
            date(2027, 11, 7),
            ["01:30", "10:00"],
            ["2027-11-07T01:30:00-04:00", "2027-11-07T10:00:00-05:00"],
        ),
    ],
)
def test_days_on_which_the_clocks_change(supplier, zone, day, times, references):
    option = ensure_option(
        product=_product(supplier, zone=zone), reference="walk", name="Walk", units=[], local_start_times=times
    )

    made = ensure_availabilities(option=option, from_date=day, days=1, capacity=200, now=NOW)

    assert _references(made, option) == references
    assert {each.local_date for each in made} == {day}
    assert {(each.ends_at - each.starts_at).total_seconds() for each in made} == {7200.0}


@pytest.mark.parametrize(
    ("day", "reference", "hours"),
    [(date(2027, 3, 28), "2027-03-28T00:00:00+01:00", 17), (date(2027, 10, 31), "2027-10-31T00:00:00+02:00", 19)],
)
def test_an_open_day_is_named_by_its_midnight_and_sold_until_it_closes(supplier, day, reference, hours):
    option = ensure_option(
        product=_product(supplier, zone="Europe/Berlin", kind="OPENING_HOURS"), reference="day", name="Day", units=[]
    )

    (made,) = ensure_availabilities(option=option, from_date=day, days=1, capacity=200, now=NOW)

    slot = slot_of(made, option, option.product, now=made.starts_at)
    assert (slot.reference, slot.is_all_day, slot.is_available) == (reference, True, True)
    assert made.opening_hours == [{"from": "09:00", "to": "18:00"}]
    assert (slot.cutoff_at - made.starts_at).total_seconds() == hours * 3600
