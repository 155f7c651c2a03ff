"""Two orders that pay with each other's gifts at once: a deadlock, out of which both get by a second try."""

import pytest
from django.db import OperationalError
from django.db import transaction as database

from bookings.requests import BookingChanges, GiftChanges, GiftRequest, OrderChanges, OrderRequest
from bookings.services import cancelling, lock_order
from bookings.services import gifts as gift_services
from payments.checking import ledger_findings
from payments.selectors import gift_balance, order_money
from payments.services import aftercare, changing, confirming, reserving
from payments.services.collecting import NO_REQUEST
from payments.services.returning import give_back
from tests.payments.gifts import code, sold_gift
from tests.payments.races import meet, run_together

pytestmark = pytest.mark.django_db(transaction=True)


def confirmed_carts(house):
    """Return booking and gift of two confirmed orders, which a third gift paid."""
    third = sold_gift(house, 30000)
    carts = []
    for _ in range(2):
        request = OrderRequest(
            bookings=(house.request(1),), gifts=(GiftRequest(amount_minor=6000, currency="EUR"),), currency="EUR"
        )
        order, _ = reserving.create_order(
            partner=house.partner, is_live=True, request=request, payment_request=None, clock=house.clock
        )
        confirming.confirm_order(
            order=order, changes=OrderChanges(), request=NO_REQUEST, clock=house.clock, gift_code=code(third)
        )
        carts.append((order.bookings.get(), order.gifts.get()))
    return carts


def spend_crosswise(house, monkeypatch):
    """Pay what is missing on each of two orders with the other's gift, at once, when each has its own gift locked."""
    carts = confirmed_carts(house)
    for booking, _ in carts:
        with database.atomic():
            order = lock_order(order_id=booking.order_id)
            give_back(order=order, amount_minor=4500, reason="x", requested_by="us", now=house.clock())
    (_, first), (_, second) = carts
    meet(monkeypatch, gift_services, "gifts_under_lock")
    results = run_together(
        *[
            lambda own=own, other=other: changing.update_gift(
                gift=own,
                changes=GiftChanges(notes="Blue envelope"),
                payment_request=None,
                clock=house.clock,
                gift_code=code(other),
            )
            for own, other in ((first, second), (second, first))
        ]
    )
    return results, [first, second]


def test_two_orders_that_spend_each_others_gifts_at_once_both_get_through(house, monkeypatch):
    results, gifts = spend_crosswise(house, monkeypatch)

    assert [result.notes for result in results] == ["Blue envelope", "Blue envelope"]
    assert [gift_balance(gift).minor for gift in gifts] == [1500, 1500]
    assert [order_money(gift.order).due_minor for gift in gifts] == [0, 0]
    assert ledger_findings() == []


def test_control_without_a_second_try_spending_each_others_gifts_is_a_deadlock(house, monkeypatch):
    monkeypatch.setattr(changing, "_write", changing._write.__wrapped__)

    results, _ = spend_crosswise(house, monkeypatch)

    assert [type(result) for result in results if isinstance(result, Exception)] == [OperationalError]


def carts_that_paid_each_other(house):
    """Return two confirmed orders, each with a booking and a gift, and each paid in part with the other's gift."""
    carts = confirmed_carts(house)
    (first, first_gift), (second, second_gift) = carts
    house.clock.move(seconds=1)
    for booking, gift in ((first, second_gift), (second, first_gift)):
        dearer = BookingChanges(unit_items=house.request(2).unit_items)
        changing.update_booking(
            booking=booking, changes=dearer, payment_request=None, clock=house.clock, gift_code=code(gift)
        )
    assert [gift_balance(gift).minor for gift in (first_gift, second_gift)] == [1500, 1500]
    return carts


def cancel_crosswise(house, monkeypatch):
    """Cancel both bookings at once, when each order has its own gift locked and wants the other's."""
    carts = carts_that_paid_each_other(house)
    meet(monkeypatch, cancelling, "gifts_under_lock")
    results = run_together(
        *[
            lambda booking=booking: aftercare.cancel_booking(booking=booking, reason="", force=False, clock=house.clock)
            for booking, _ in carts
        ]
    )
    return results, [gift for _, gift in carts]


def test_two_orders_that_give_back_to_each_others_gifts_at_once_both_get_through(house, monkeypatch):
    results, gifts = cancel_crosswise(house, monkeypatch)

    assert [result.status for result in results] == ["CANCELLED", "CANCELLED"]
    assert [gift_balance(gift).minor for gift in gifts] == [6000, 6000]
    assert ledger_findings() == []


def test_control_without_a_second_try_giving_back_is_a_deadlock(house, monkeypatch):
    monkeypatch.setattr(aftercare, "_write_cancellation", aftercare._write_cancellation.__wrapped__)

    results, _ = cancel_crosswise(house, monkeypatch)

    assert [type(result) for result in results if isinstance(result, Exception)] == [OperationalError]
