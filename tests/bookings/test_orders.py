from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from bookings import errors
from bookings.models import Availability, AvailabilityType, Booking, Change, Order, UnitItem
from bookings.requests import BookingChanges
from bookings.services import (
    begin_confirmation,
    cancel_booking,
    confirm_order,
    expire_order,
    keep_hold,
    lock_order,
    new_reference,
    record_money,
    retake_seats,
)
from bookings.services.seats import move_seats
from tests.bookings.shop import MONDAY_14, NOW

pytestmark = pytest.mark.django_db

OVER = NOW + timedelta(minutes=30)


def reasons(order: Order) -> list[tuple[str, str, int]]:
    return sorted(order.changes.exclude(reason="reserved").values_list("topic", "reason", "version"))


def test_confirming_fills_tickets_and_vouchers_and_ends_the_hold(shop, departure):
    booking = shop.reserve([shop.adult, shop.child])

    order = confirm_order(order=booking.order, now=NOW)

    booking.refresh_from_db()
    assert (booking.status, booking.confirmed_at, booking.expires_at) == ("CONFIRMED", NOW, None)
    assert (order.status, order.confirmed_at, order.expires_at) == ("CONFIRMED", NOW, None)
    codes = [booking.voucher_code, *UnitItem.objects.values_list("ticket_code", flat=True)]
    assert all(code.startswith("TK-") for code in codes)
    assert len(set(codes)) == 3
    assert reasons(order) == [("booking", "confirmed", 2), ("order", "confirmed", 2)]
    assert order.changes.filter(reason="confirmed").first().before == {"status": "ON_HOLD"}
    departure.refresh_from_db()
    assert departure.reserved == 2


def test_a_test_booking_gets_codes_that_open_no_door(shop):
    booking = shop.reserve([shop.adult], is_live=False)

    confirm_order(order=booking.order, now=NOW)

    booking.refresh_from_db()
    assert booking.voucher_code.startswith("TEST-")
    assert UnitItem.objects.get().ticket_code.startswith("TEST-")


@pytest.mark.parametrize("methods", [["VOUCHER"], ["TICKET"]])
def test_only_what_the_product_delivers_is_filled(shop, product, methods):
    product.delivery_methods = methods
    product.save()
    booking = shop.reserve([shop.adult])

    confirm_order(order=booking.order, now=NOW)

    booking.refresh_from_db()
    assert bool(booking.voucher_code) is ("VOUCHER" in methods)
    assert bool(UnitItem.objects.get().ticket_code) is ("TICKET" in methods)


def test_confirming_twice_is_said_and_changes_nothing(shop):
    booking = shop.reserve()
    confirm_order(order=booking.order, now=NOW)
    code = Booking.objects.get().voucher_code

    with pytest.raises(errors.AlreadyConfirmed):
        confirm_order(order=booking.order, now=NOW)

    assert Booking.objects.get().voucher_code == code
    assert Order.objects.get().version == 2


def test_an_expired_or_cancelled_order_is_not_confirmed(shop):
    expired, cancelled = shop.reserve(), shop.reserve()
    expire_order(order=expired.order, now=OVER)
    cancel_booking(booking=cancelled, reason=None, force=False, now=NOW)

    for booking, status in ((expired, "EXPIRED"), (cancelled, "CANCELLED")):
        with pytest.raises(errors.OrderNotOpen) as refused:
            confirm_order(order=booking.order, now=OVER)
        assert (refused.value.order_id, refused.value.reason) == (str(booking.order.uuid), f"it is {status}")
    with pytest.raises(errors.HoldExpired):
        confirm_with(None, booking=expired, order=expired.order)
    with pytest.raises(errors.NotConfirmable):
        confirm_with(None, booking=cancelled, order=cancelled.order)


def test_a_hold_that_was_not_swept_yet_can_still_be_confirmed_by_who_has_the_money(shop):
    booking = shop.reserve()

    assert confirm_order(order=booking.order, now=OVER + timedelta(days=1)).status == "CONFIRMED"


@pytest.mark.parametrize("count", [1, 20])
def test_confirming_costs_the_same_queries_for_one_ticket_and_for_twenty(shop, django_assert_num_queries, count):
    Availability.objects.update(capacity=50)
    booking = shop.reserve([shop.adult] * count)

    # Two of them are the savepoint's.
    with django_assert_num_queries(9):
        confirm_order(order=booking.order, now=NOW)


def test_a_hold_that_runs_out_frees_its_seats(shop, departure):
    booking = shop.reserve([shop.family, shop.adult])

    order = expire_order(order=booking.order, now=OVER)

    booking.refresh_from_db()
    departure.refresh_from_db()
    assert (booking.status, booking.seats_held, order.status) == ("EXPIRED", 0, "EXPIRED")
    assert departure.reserved == 0
    assert reasons(order) == [("booking", "expired", 2), ("order", "expired", 2)]


def test_an_order_does_not_expire_early_nor_with_money_nor_twice_nor_when_confirmed(shop, departure):
    early, paid, confirmed, expired = (shop.reserve([shop.adult]) for _ in range(4))
    record_money(order=lock_order(order_id=paid.order_id), money_in_minor=1, now=NOW)
    confirm_order(order=confirmed.order, now=NOW)
    expire_order(order=expired.order, now=OVER)

    for booking, now in (
        (early, OVER - timedelta(microseconds=1)),
        (paid, OVER),
        (confirmed, OVER + timedelta(days=400)),
        (expired, OVER),
    ):
        with pytest.raises(errors.NotExpirable) as refused:
            expire_order(order=booking.order, now=now)
        assert refused.value.order_id == str(booking.order_id)

    departure.refresh_from_db()
    assert departure.reserved == 3


def test_a_hold_is_kept_for_money_and_never_made_shorter(shop):
    booking = shop.reserve()
    later = OVER + timedelta(minutes=10)

    order = lock_order(order_id=booking.order_id)
    keep_hold(order=order, until=later, now=NOW)
    keep_hold(order=order, until=OVER, now=NOW)

    booking.refresh_from_db()
    assert booking.expires_at == order.expires_at == Order.objects.get().expires_at == later
    assert reasons(order) == [("booking", "hold_kept", 2), ("order", "hold_kept", 2)]


def test_a_confirmed_order_has_no_hold_to_keep(shop):
    booking = shop.reserve()
    confirm_order(order=booking.order, now=NOW)

    keep_hold(order=lock_order(order_id=booking.order_id), until=OVER, now=NOW)

    assert (Order.objects.get().expires_at, Order.objects.get().version) == (None, 2)


def test_seats_are_taken_again_for_who_paid_late(shop, departure):
    booking = shop.reserve([shop.family])
    expire_order(order=booking.order, now=OVER)

    assert retake_seats(order=booking.order, now=OVER) is True

    booking.refresh_from_db()
    departure.refresh_from_db()
    assert (booking.status, booking.seats_held, departure.reserved) == ("ON_HOLD", 4, 4)
    assert booking.expires_at == booking.order.expires_at == OVER + timedelta(minutes=30)
    assert (booking.order.status, booking.order.version) == ("ON_HOLD", 3)
    confirm_order(order=booking.order, now=OVER)


def test_seats_that_are_gone_are_not_taken_again(shop, departure):
    booking = shop.reserve([shop.family])
    expire_order(order=booking.order, now=OVER)
    shop.reserve([shop.adult] * 7, now=OVER)

    assert retake_seats(order=booking.order, now=OVER) is False

    booking.refresh_from_db()
    departure.refresh_from_db()
    assert (booking.status, booking.seats_held, departure.reserved) == ("EXPIRED", 0, 7)


def test_seats_on_a_tour_that_has_begun_are_not_taken_again(shop, departure):
    booking = shop.reserve()
    expire_order(order=booking.order, now=OVER)

    assert retake_seats(order=booking.order, now=departure.starts_at) is False
    departure.refresh_from_db()
    assert (Booking.objects.get().status, departure.reserved) == ("EXPIRED", 0)
    assert retake_seats(order=booking.order, now=departure.starts_at - timedelta(microseconds=1)) is True


def test_seats_of_an_open_day_are_taken_again_until_it_closes(shop, product, departure):
    product.availability_type = AvailabilityType.OPENING_HOURS
    product.save()
    booking = shop.reserve()
    expire_order(order=booking.order, now=OVER)

    assert retake_seats(order=booking.order, now=departure.ends_at) is False
    departure.refresh_from_db()
    assert departure.reserved == 0
    assert retake_seats(order=booking.order, now=departure.ends_at - timedelta(microseconds=1)) is True


@pytest.mark.parametrize("count", [1, 2])
def test_taking_seats_again_costs_the_same_queries_for_one_booking_and_for_two(shop, django_assert_num_queries, count):
    bookings = [shop.reserve([shop.family]) for _ in range(count)]
    Booking.objects.update(order=bookings[0].order)
    expire_order(order=bookings[0].order, now=OVER)

    # Four of them are the two savepoints'.
    with django_assert_num_queries(11):
        assert retake_seats(order=bookings[0].order, now=OVER) is True

    assert sorted(Booking.objects.values_list("status", "seats_held")) == [("ON_HOLD", 4)] * count


def test_an_order_that_did_not_expire_has_no_seats_to_take_again(shop, departure):
    booking = shop.reserve()

    assert retake_seats(order=booking.order, now=NOW) is False
    departure.refresh_from_db()
    assert departure.reserved == 2


def test_a_test_booking_is_taken_up_again_without_seats(shop, departure):
    booking = shop.reserve(is_live=False)
    expire_order(order=booking.order, now=OVER)

    assert retake_seats(order=booking.order, now=OVER) is True
    departure.refresh_from_db()
    assert departure.reserved == 0


def test_money_is_recorded_once_per_figure(shop):
    order = lock_order(order_id=shop.reserve().order_id)

    record_money(order=order, money_in_minor=9000, now=NOW)
    record_money(order=order, money_in_minor=9000, now=NOW)
    record_money(order=order, money_in_minor=4000, now=NOW)

    assert (order.money_in_minor, order.version) == (4000, 3)
    assert reasons(order) == [
        ("booking", "money_recorded", 2),
        ("booking", "money_recorded", 3),
        ("order", "money_recorded", 2),
        ("order", "money_recorded", 3),
    ]
    assert Change.objects.filter(version=3).first().before == {"money_in_minor": 9000}


@pytest.mark.parametrize("is_confirmed", [False, True])
def test_cancelling_in_time_frees_the_seats_and_gives_everything_back(shop, departure, is_confirmed):
    booking = shop.reserve()
    if is_confirmed:
        confirm_order(order=booking.order, now=NOW)

    cancelled = cancel_booking(booking=booking, reason="4111111111111111 fell ill", force=False, now=NOW)

    cancelled.refresh_from_db()
    departure.refresh_from_db()
    assert (cancelled.status, cancelled.cancellation_refund, cancelled.seats_held) == ("CANCELLED", "FULL", 0)
    assert (cancelled.cancelled_at, cancelled.expires_at) == (NOW, None)
    assert cancelled.cancellation_reason == "************1111 fell ill"
    assert (cancelled.order.status, cancelled.order.expires_at) == ("CANCELLED", None)
    assert departure.reserved == 0
    assert ("booking", "cancelled") in [each[:2] for each in reasons(cancelled.order)]


def test_cancelling_after_the_cutoff_needs_force_and_gives_nothing_back(shop, departure):
    booking = shop.reserve()
    confirm_order(order=booking.order, now=NOW)
    late = departure.starts_at - timedelta(hours=24)

    with pytest.raises(errors.CancellationCutoffPassed):
        cancel_booking(booking=booking, reason=None, force=False, now=late)
    departure.refresh_from_db()
    assert departure.reserved == 2
    cancelled = cancel_booking(booking=booking, reason=None, force=True, now=late)

    assert (cancelled.status, cancelled.cancellation_refund) == ("CANCELLED", "NONE")
    departure.refresh_from_db()
    assert departure.reserved == 0


def test_a_hold_is_cancelled_at_any_time(shop, departure):
    booking = shop.reserve()

    assert cancel_booking(booking=booking, reason=None, force=False, now=departure.starts_at).status == "CANCELLED"


def test_what_is_over_is_not_cancelled_not_even_by_force(shop, departure):
    expired, cancelled, redeemed = (shop.reserve([shop.adult]) for _ in range(3))
    expire_order(order=expired.order, now=OVER)
    cancel_booking(booking=cancelled, reason=None, force=False, now=NOW)
    confirm_order(order=redeemed.order, now=NOW)
    Booking.objects.filter(pk=redeemed.pk).update(redeemed_at=NOW)

    for booking in (expired, cancelled, redeemed):
        with pytest.raises(errors.NotCancellable) as refused:
            cancel_booking(booking=booking, reason=None, force=True, now=NOW)
        assert refused.value.uuid == str(booking.uuid)

    departure.refresh_from_db()
    assert departure.reserved == 1


def test_a_cart_lives_while_one_of_its_bookings_does(shop):
    first, second = shop.reserve(), shop.reserve(availability_id=MONDAY_14)
    Booking.objects.filter(pk=second.pk).update(order=first.order)
    second.refresh_from_db()

    cancel_booking(booking=first, reason=None, force=False, now=NOW)
    assert Order.objects.get(pk=first.order_id).status == "ON_HOLD"
    confirm_order(order=first.order, now=NOW)
    assert sorted(Booking.objects.values_list("status", flat=True)) == ["CANCELLED", "CONFIRMED"]
    cancel_booking(booking=second, reason=None, force=False, now=NOW)

    assert Order.objects.get(pk=first.order_id).status == "CANCELLED"


def test_giving_back_more_than_was_taken_is_a_fault_of_ours_and_not_sold_out(shop, departure):
    shop.reserve([shop.adult])

    with pytest.raises(IntegrityError), transaction.atomic():
        move_seats({departure.pk: -2})

    departure.refresh_from_db()
    assert departure.reserved == 1


@transaction.atomic
def confirm_with(changes, *, booking, order):
    locked = lock_order(order_id=order.pk)
    begin_confirmation(order=locked, now=NOW, booking=booking, changes=changes).complete(now=NOW)


def test_changes_to_a_booking_that_is_no_hold_are_refused_and_nothing_is_confirmed(shop):
    cancelled, elsewhere = shop.reserve(), shop.reserve()
    held = shop.reserve(availability_id=MONDAY_14, order_id=str(cancelled.order.uuid))
    cancel_booking(booking=cancelled, reason=None, force=False, now=NOW)
    changes = BookingChanges(notes="vegan")

    for booking, error in ((cancelled, errors.NotConfirmable), (elsewhere, errors.NotUpdatable)):
        with pytest.raises(error) as refused:
            confirm_with(changes, booking=booking, order=cancelled.order)
        assert refused.value.uuid == str(booking.uuid)

    held.refresh_from_db()
    assert (held.status, held.notes, Booking.objects.exclude(notes="").count()) == ("ON_HOLD", "", 0)


def test_a_booking_is_confirmed_alone_and_the_others_of_its_order_run_out(shop):
    booking = shop.reserve()
    other = shop.reserve(availability_id=MONDAY_14, order_id=str(booking.order.uuid))

    confirm_with(BookingChanges(notes="vegan"), booking=booking, order=booking.order)
    order = Order.objects.get()
    assert (order.status, order.expires_at) == ("ON_HOLD", OVER)
    expire_order(order=order, now=OVER)

    booking.refresh_from_db()
    other.refresh_from_db()
    assert [(each.status, each.notes) for each in (booking, other)] == [("CONFIRMED", "vegan"), ("EXPIRED", "")]
    order.refresh_from_db()
    assert (order.status, order.confirmed_at, order.expires_at) == ("CONFIRMED", NOW, None)


def test_an_unknown_order_cannot_be_locked(shop):
    with pytest.raises(Order.DoesNotExist):
        lock_order(order_id=shop.partner.pk)


def test_references_can_be_read_aloud():
    references = {new_reference("BK") for _ in range(500)}

    assert len(references) == 500
    assert all(len(each) == 11 and not set(each[3:]) & set("0O1ILU") for each in references)
