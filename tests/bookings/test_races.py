"""Each claim about two at once, on two connections; and for each lock or constraint the same race without it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from bookings import errors
from bookings.compiled import CompiledQuery
from bookings.models import Availability, Booking, BookingStatus, Change, Customer, FormerBooking, Order
from bookings.requests import BookingChanges
from bookings.services import (
    cancel_booking,
    confirm_order,
    expire_order,
    lock_order,
    record_money,
    reserve_booking,
    retake_seats,
    update_booking,
)
from tests.bookings.racing import Racer, overtaken_by
from tests.bookings.shop import MONDAY_14, NOW, tickets

pytestmark = pytest.mark.django_db(transaction=True)

UUID_TEXT = "5d0c5b8e-6b0b-4f5d-9a66-2f1c9f7d1a10"
OVER = NOW + timedelta(minutes=30)


@contextmanager
def without_constraint(model, name: str) -> Iterator[None]:
    """Take a constraint away; whatever broke it is deleted before it comes back."""
    constraint = next(each for each in model._meta.constraints if each.name == name)
    with connection.schema_editor() as editor:
        editor.remove_constraint(model, constraint)
    try:
        yield
    finally:
        for table in (Change, FormerBooking, Booking, Order, Customer):
            table.objects.all().delete()
        Availability.objects.update(reserved=0)
        with connection.schema_editor() as editor:
            editor.add_constraint(model, constraint)


@pytest.fixture
def no_row_locks(monkeypatch):
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self.all())
    # What was compiled with the lock in it is built anew.
    monkeypatch.setattr(CompiledQuery, "rows", lambda self, **values: list(self.build(**values)))


@pytest.fixture
def no_test_for_room(monkeypatch):
    monkeypatch.setattr("bookings.services.seats.room_for", lambda _: Q())


def race_for_the_last_seats(shop):
    """Let two partners want six of ten seats each; return how the second ended."""
    with overtaken_by(lambda: shop.reserve([shop.adult] * 6)) as second:
        shop.reserve([shop.adult] * 6)
    assert second.was_blocked
    return second


def test_two_at_once_never_oversell_a_departure(shop, departure):
    second = race_for_the_last_seats(shop)

    with pytest.raises(errors.SoldOut):
        second.finish()
    departure.refresh_from_db()
    assert departure.reserved == 6
    assert Booking.objects.count() == Order.objects.count() == Customer.objects.count() == 1


def test_the_test_for_room_alone_keeps_a_departure_from_being_oversold(shop, departure):
    with without_constraint(Availability, "capacity_never_oversold"):
        with pytest.raises(errors.SoldOut):
            race_for_the_last_seats(shop).finish()

        departure.refresh_from_db()
        assert departure.reserved == 6


def test_the_constraint_alone_keeps_a_departure_from_being_oversold(shop, departure, no_test_for_room):
    with pytest.raises(errors.SoldOut):
        race_for_the_last_seats(shop).finish()

    departure.refresh_from_db()
    assert departure.reserved == 6


def test_control_without_test_and_constraint_a_departure_is_oversold(shop, departure, no_test_for_room):
    with without_constraint(Availability, "capacity_never_oversold"):
        race_for_the_last_seats(shop).finish()

        departure.refresh_from_db()
        assert departure.reserved == 12 > departure.capacity


def race_with_one_uuid(shop):
    """Let one partner send the same call twice at once."""
    with overtaken_by(lambda: shop.reserve(uuid=UUID_TEXT)) as second:
        first = shop.reserve(uuid=UUID_TEXT)
    return first, second


def test_the_same_call_twice_at_once_books_once(shop, departure):
    first, second = race_with_one_uuid(shop)

    assert second.was_blocked
    assert second.finish().pk == first.pk
    departure.refresh_from_db()
    assert departure.reserved == 2
    assert Booking.objects.count() == Order.objects.count() == Customer.objects.count() == 1
    assert Change.objects.count() == 2


def test_control_without_the_constraint_the_same_call_books_twice(shop):
    with without_constraint(Booking, "one_booking_per_partner_uuid"):
        first, second = race_with_one_uuid(shop)

        assert second.finish().pk != first.pk
        assert Booking.objects.count() == 2


def test_other_content_under_the_same_uuid_at_once_is_refused(shop):
    with overtaken_by(lambda: shop.reserve(uuid=UUID_TEXT, availability_id=MONDAY_14)) as second:
        first = shop.reserve(uuid=UUID_TEXT)

    assert second.was_blocked
    with pytest.raises(errors.BookingUuidTaken):
        second.finish()
    assert Booking.objects.get() == first
    assert sum(Availability.objects.values_list("reserved", flat=True)) == 2


def test_a_call_whose_twin_failed_books(shop):
    class Crash(Exception):
        """Stand for a process that dies before it commits."""

    second = Racer(lambda: shop.reserve(uuid=UUID_TEXT))

    def reserve_and_crash():
        with transaction.atomic():
            shop.reserve(uuid=UUID_TEXT)
            second.start()
            assert second.wait_until_blocked_or_done()
            raise Crash

    with pytest.raises(Crash):
        reserve_and_crash()

    assert second.finish() == Booking.objects.get()
    assert sum(Availability.objects.values_list("reserved", flat=True)) == 2


def race_expiry_with_confirmation(shop):
    booking = shop.reserve()
    with overtaken_by(lambda: expire_order(order=booking.order, now=OVER)) as expiry:
        confirm_order(order=booking.order, now=NOW)
    return booking, expiry


def test_a_booking_that_is_being_confirmed_does_not_expire(shop, departure):
    booking, expiry = race_expiry_with_confirmation(shop)

    assert expiry.was_blocked
    with pytest.raises(errors.NotExpirable):
        expiry.finish()
    booking.refresh_from_db()
    departure.refresh_from_db()
    assert (booking.status, booking.seats_held, departure.reserved) == ("CONFIRMED", 2, 2)


def test_control_without_the_order_s_lock_a_confirmed_booking_is_lost(shop, departure, no_row_locks):
    booking, expiry = race_expiry_with_confirmation(shop)

    # Only the unique version of what partners are told is in the way then: it is taken away as well.
    with pytest.raises(Exception, match="one_change_per_subject_version"):
        expiry.finish()
    with without_constraint(Change, "one_change_per_subject_version"):
        Change.objects.all().delete()
        booking, expiry = race_expiry_with_confirmation(shop)
        expiry.finish()

        booking.refresh_from_db()
        assert booking.status == "EXPIRED"
        assert booking.confirmed_at == NOW


def race_update_with_cancellation(shop):
    booking = shop.reserve()
    changes = BookingChanges(unit_items=tickets(*[shop.adult] * 3))
    with overtaken_by(lambda: update_booking(booking=booking, changes=changes, now=NOW)) as update:
        cancel_booking(booking=booking, reason=None, force=False, now=NOW)
    return booking, update


def test_a_booking_that_is_being_cancelled_is_not_changed(shop, departure):
    booking, update = race_update_with_cancellation(shop)

    assert update.was_blocked
    with pytest.raises(errors.NotUpdatable):
        update.finish()
    booking.refresh_from_db()
    departure.refresh_from_db()
    assert (booking.status, booking.seats_held, departure.reserved) == ("CANCELLED", 0, 0)


def test_control_without_the_order_s_lock_a_cancelled_booking_comes_back(shop, departure, no_row_locks):
    with without_constraint(Change, "one_change_per_subject_version"):
        booking, update = race_update_with_cancellation(shop)
        update.finish()

        booking.refresh_from_db()
        departure.refresh_from_db()
        assert booking.status == "ON_HOLD"
        assert booking.seats_held != departure.reserved


def test_two_confirmations_at_once_confirm_once(shop):
    booking = shop.reserve()
    with overtaken_by(lambda: confirm_order(order=booking.order, now=NOW)) as second:
        confirm_order(order=booking.order, now=NOW)

    assert second.was_blocked
    with pytest.raises(errors.AlreadyConfirmed):
        second.finish()
    assert Change.objects.filter(reason="confirmed").count() == 2


def test_two_cancellations_at_once_free_the_seats_once(shop, departure):
    booking = shop.reserve()
    shop.reserve([shop.adult])
    with overtaken_by(lambda: cancel_booking(booking=booking, reason=None, force=False, now=NOW)) as second:
        cancel_booking(booking=booking, reason=None, force=False, now=NOW)

    with pytest.raises(errors.NotCancellable):
        second.finish()
    departure.refresh_from_db()
    assert departure.reserved == 1


def test_money_that_arrives_while_a_hold_expires_keeps_the_hold(shop):
    booking = shop.reserve()
    with overtaken_by(lambda: expire_order(order=booking.order, now=OVER)) as expiry:
        record_money(order=lock_order(order_id=booking.order_id), money_in_minor=9000, now=NOW)

    assert expiry.was_blocked
    with pytest.raises(errors.NotExpirable):
        expiry.finish()
    assert Order.objects.get().status == BookingStatus.ON_HOLD


def test_seats_that_somebody_takes_at_this_moment_are_not_taken_again(shop, departure):
    late = shop.reserve([shop.adult] * 6)
    expire_order(order=late.order, now=OVER)
    with overtaken_by(lambda: retake_seats(order=late.order, now=OVER)) as retaking:
        shop.reserve([shop.adult] * 5, now=OVER)

    assert retaking.was_blocked
    assert retaking.finish() is False
    departure.refresh_from_db()
    late.refresh_from_db()
    assert (departure.reserved, late.status, late.seats_held) == (5, "EXPIRED", 0)


def test_two_bookings_that_change_places_do_not_wait_for_each_other(shop, departures):
    there = shop.reserve([shop.adult] * 2)
    back = shop.reserve([shop.adult] * 3, availability_id=MONDAY_14)
    home = there.availability_reference
    with overtaken_by(
        lambda: update_booking(booking=back, changes=BookingChanges(availability_id=home), now=NOW)
    ) as second:
        update_booking(booking=there, changes=BookingChanges(availability_id=MONDAY_14), now=NOW)

    assert second.was_blocked
    second.finish()
    assert dict(Availability.objects.filter(reserved__gt=0).values_list("pk", "reserved")) == {
        departures[0].pk: 3,
        departures[1].pk: 2,
    }


def test_another_partner_s_uuid_is_not_waited_for(shop, other_partner):
    wish = shop.request(uuid=UUID_TEXT, availability_id=MONDAY_14)
    with overtaken_by(lambda: reserve_booking(partner=other_partner, is_live=True, request=wish, now=NOW)) as foreign:
        own = shop.reserve(uuid=UUID_TEXT)

    assert not foreign.was_blocked
    assert foreign.finish().pk != own.pk
