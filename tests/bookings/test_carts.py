"""Orders with several bookings: made whole or not at all, joined, held, confirmed and cancelled as one."""

from datetime import timedelta

import pytest
from django.db import transaction

from bookings import errors
from bookings.models import Availability, Booking, Change, Customer, Installment, Order, Partner, Product
from bookings.requests import BookingChanges, ContactDetails, OrderChanges, OrderRequest
from bookings.rules import start_from_reference
from bookings.selectors import amount_to_collect
from bookings.services import (
    begin_confirmation,
    cancel_booking,
    cancel_order,
    confirm_order,
    create_order,
    expire_order,
    extend_booking,
    extend_order,
    lock_order,
    retake_seats,
    update_booking,
    update_order,
)
from tests.bookings.shop import MONDAY_14, NOW

pytestmark = pytest.mark.django_db
OVER = NOW + timedelta(minutes=30)
ADA = ContactDetails(full_name="Ada Byron", email="ada@example.com", phone="+49 30 1234567")
ORDER_ID = "0e2f6d0a-4c57-4a35-8a0e-9d1f5d1b7c11"


def two_bookings(shop, **fields):
    return OrderRequest(bookings=(shop.request(), shop.request(availability_id=MONDAY_14)), **fields)


def make(shop, request, *, partner=None, is_live=True):
    return create_order(partner=partner or shop.partner, is_live=is_live, request=request, now=NOW)


def test_an_order_is_made_with_all_its_bookings(shop, departure):
    order = make(shop, two_bookings(shop, contact=ADA, order_id=ORDER_ID, email_receipt=True))

    order = Order.objects.get(pk=order.pk)
    bookings = list(order.bookings.order_by("created_at", "pk"))
    assert (str(order.uuid), order.kind, order.status, order.expires_at) == (ORDER_ID, "CART", "ON_HOLD", OVER)
    assert (order.contact["full_name"], order.email_receipt) == ("Ada Byron", True)
    assert sorted(booking.is_primary for booking in bookings) == [False, True]
    assert {booking.expires_at for booking in bookings} == {OVER}
    assert amount_to_collect(order).minor == sum(booking.retail_minor for booking in bookings)
    assert order.customer is not None
    assert (order.customer.full_name, order.customer.email) == ("Ada Byron", "ada@example.com")
    assert sorted(Change.objects.values_list("topic", "reason")) == [
        ("booking", "reserved"),
        ("booking", "reserved"),
        ("order", "reserved"),
    ]


def test_nothing_is_written_when_one_of_the_bookings_cannot_be_had(shop):
    Availability.objects.filter(starts_at=start_from_reference(MONDAY_14)).update(is_closed=True)

    with pytest.raises(errors.SoldOut):
        make(shop, two_bookings(shop))

    assert (Order.objects.count(), Booking.objects.count(), Customer.objects.count()) == (0, 0, 0)
    assert set(Availability.objects.values_list("reserved", flat=True)) == {0}


def test_the_same_order_again_is_the_same_and_another_one_under_its_id_is_refused(shop):
    first = make(shop, two_bookings(shop, order_id=ORDER_ID))

    assert make(shop, two_bookings(shop, order_id=ORDER_ID)).pk == first.pk
    with pytest.raises(errors.OrderUuidTaken):
        make(shop, OrderRequest(order_id=ORDER_ID, currency="EUR"))
    assert make(shop, OrderRequest(order_id=ORDER_ID, currency="EUR"), is_live=False).pk != first.pk
    assert (Order.objects.count(), Booking.objects.count()) == (2, 2)


def test_a_booking_uuid_that_was_used_before_refuses_the_whole_order(shop):
    taken = shop.reserve(uuid=ORDER_ID)

    with pytest.raises(errors.BookingUuidTaken) as refused:
        make(shop, OrderRequest(bookings=(shop.request(availability_id=MONDAY_14), shop.request(uuid=ORDER_ID))))

    assert refused.value.uuid == str(taken.uuid)
    assert Booking.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, errors.InvalidValue),
        ({"currency": "EUR", "settlement_method": "BARTER"}, errors.SettlementMethodNotAllowed),
        ({"currency": "EUR", "order_id": "order-1"}, errors.InvalidValue),
        ({"currency": "EUR", "return_url": "ftp://example.com"}, errors.InvalidValue),
    ],
)
def test_an_empty_order_needs_a_currency_and_good_values(shop, fields, error):
    with pytest.raises(error):
        make(shop, OrderRequest(**fields))

    assert Order.objects.count() == 0


def test_a_booking_joins_an_order_and_both_run_out_together_as_late_as_the_latest(shop):
    order = make(shop, OrderRequest(currency="EUR", expiration_minutes=10))

    first = shop.reserve(order_id=str(order.uuid), expiration_minutes=5)
    second = shop.reserve(order_id=str(order.uuid), availability_id=MONDAY_14, expiration_minutes=60)

    first.refresh_from_db()
    until = NOW + timedelta(minutes=60)
    assert first.expires_at == second.expires_at == Order.objects.get().expires_at == until
    assert (first.is_primary, second.is_primary) == (True, False)
    extend_booking(booking=first, minutes=90, now=NOW)
    assert set(Booking.objects.values_list("expires_at", flat=True)) == {NOW + timedelta(minutes=90)}
    update_booking(booking=second, changes=BookingChanges(expiration_minutes=100), now=NOW)
    assert set(Booking.objects.values_list("expires_at", flat=True)) == {NOW + timedelta(minutes=100)}


def test_what_does_not_fit_an_order_does_not_join_it(shop):
    order = make(shop, OrderRequest(currency="EUR"))
    joining = {"order_id": str(order.uuid)}

    with pytest.raises(errors.InvalidValue):
        shop.reserve(**joining, currency="USD")
    with pytest.raises(errors.SettlementMethodNotAllowed):
        shop.reserve(**joining, settlement_method="VOUCHER")
    with pytest.raises(errors.OrderNotFound):
        shop.reserve(order_id=ORDER_ID)
    with pytest.raises(errors.OrderNotFound):
        shop.reserve(**joining, is_live=False)
    with pytest.raises(errors.OrderNotOpen):
        shop.reserve(**joining, now=OVER)
    cancel_order(order=order, reason=None, force=False, now=NOW)
    with pytest.raises(errors.OrderNotOpen):
        shop.reserve(**joining)
    assert Booking.objects.count() == 0


def test_a_confirmed_order_confirms_everything_and_fills_contacts_that_are_missing(shop):
    own = ContactDetails(full_name="Grace Hopper")
    order = make(shop, OrderRequest(bookings=(shop.request(contact=own), shop.request(availability_id=MONDAY_14))))

    with transaction.atomic():
        begun = begin_confirmation(
            order=lock_order(order_id=order.pk), now=NOW, order_changes=OrderChanges(contact=ADA)
        )
        begun.complete(now=NOW)

    assert sorted(Booking.objects.values_list("status", "contact_full_name")) == [
        ("CONFIRMED", "Ada Byron"),
        ("CONFIRMED", "Grace Hopper"),
    ]
    order.refresh_from_db()
    assert (order.status, order.confirmed_at, order.expires_at) == ("CONFIRMED", NOW, None)


def test_an_order_that_holds_nothing_is_not_confirmed(shop):
    order = make(shop, OrderRequest(currency="EUR"))

    with pytest.raises(errors.OrderNotOpen):
        confirm_order(order=order, now=NOW)

    expire_order(order=order, now=OVER)
    order.refresh_from_db()
    assert order.status == "EXPIRED"


def test_an_order_is_cancelled_whole_or_not_at_all(shop):
    order = make(shop, two_bookings(shop))
    confirm_order(order=order, now=NOW)
    first, _last = Booking.objects.order_by("availability__starts_at")
    late = first.availability.starts_at - timedelta(hours=2)

    with pytest.raises(errors.CancellationCutoffPassed):
        cancel_order(order=order, reason="Storm", force=False, now=late)
    assert set(Booking.objects.values_list("status", flat=True)) == {"CONFIRMED"}
    cancelled = cancel_order(order=order, reason="Storm", force=False, now=NOW)

    assert cancelled.status == "CANCELLED"
    assert set(Booking.objects.values_list("status", "cancellation_refund", "cancellation_reason", "seats_held")) == {
        ("CANCELLED", "FULL", "Storm", 0)
    }
    assert set(Availability.objects.values_list("reserved", flat=True)) == {0}
    with pytest.raises(errors.OrderNotOpen):
        cancel_order(order=order, reason=None, force=False, now=NOW)


def test_the_deposit_of_an_order_is_that_of_its_live_bookings(shop):
    order = make(shop, two_bookings(shop, settlement_method="DEPOSIT"))
    first, second = Booking.objects.order_by("availability__starts_at")
    parts = dict(Installment.objects.values_list("kind", "amount_minor"))
    assert sum(parts.values()) == first.retail_minor + second.retail_minor
    assert parts["DEPOSIT"] == amount_to_collect(order).minor

    cancel_booking(booking=first, reason=None, force=False, now=NOW)

    parts = dict(Installment.objects.values_list("kind", "amount_minor"))
    assert sum(parts.values()) == second.retail_minor
    assert Installment.objects.get(kind="BALANCE").due_date == second.availability.local_date


def test_an_order_is_changed_and_extended(shop):
    order = make(shop, two_bookings(shop))

    update_order(order=order, changes=OrderChanges(contact=ADA, return_url="https://shop.example.com/r"), now=NOW)
    extend_order(order=order, minutes=60, now=NOW)
    extend_order(order=order, minutes=1, now=NOW)

    order.refresh_from_db()
    assert (order.contact["email"], order.return_url) == ("ada@example.com", "https://shop.example.com/r")
    assert order.expires_at == NOW + timedelta(minutes=60)
    assert set(Booking.objects.values_list("expires_at", flat=True)) == {order.expires_at}
    assert set(Booking.objects.values_list("contact_full_name", flat=True)) == {""}
    with pytest.raises(errors.InvalidValue):
        update_order(order=order, changes=OrderChanges(currency="USD"), now=NOW)
    with pytest.raises(errors.OrderNotOpen):
        extend_order(order=order, minutes=5, now=NOW + timedelta(hours=2))


def test_a_repeat_finds_its_order_though_it_took_the_last_seats(shop):
    request = OrderRequest(order_id=ORDER_ID, bookings=(shop.request([shop.adult] * 10),))

    first = make(shop, request)

    assert make(shop, request).pk == first.pk


def test_what_is_left_of_an_order_expires_and_its_seats_can_be_taken_again(shop):
    order = make(shop, two_bookings(shop))
    cancel_booking(booking=order.bookings.all()[0], reason=None, force=False, now=NOW)

    expire_order(order=order, now=OVER)

    order = Order.objects.get()
    assert order.status == "EXPIRED"
    assert retake_seats(order=order, now=OVER)
    assert sorted(Booking.objects.values_list("status", flat=True)) == ["CANCELLED", "ON_HOLD"]


def test_an_order_with_one_booking_is_settled_as_the_booking_would_be_alone(shop):
    Partner.objects.update(default_settlement_method="DEPOSIT")
    Product.objects.update(settlement_methods=["DIRECT"])

    order = make(shop, OrderRequest(bookings=(shop.request(),)))

    assert order.settlement_method == shop.reserve().order.settlement_method == "DIRECT"
