"""A lock held elsewhere for longer than `lock_timeout` is waited for once more, and then it is an error."""

import threading

import pytest
from django.db import OperationalError, connection, connections, transaction

from bookings.models import Order
from bookings.requests import GiftChanges, OrderChanges
from gateways.protocol import OutcomeKind as Kind
from payments.services import aftercare, changing, collecting, locking, reserving
from payments.services.collecting import NO_REQUEST
from tests.payments.gifts import held_gift
from tests.payments.house import books
from tests.processes import PATIENCE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def impatient():
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    yield
    connections.close_all()


class Holder(threading.Thread):
    """Hold an order's lock in another connection until told to let go."""

    def __init__(self, order_id):
        super().__init__()
        self.order_id = order_id
        self.holds, self.lets_go = threading.Event(), threading.Event()

    def run(self):
        try:
            with transaction.atomic():
                Order.objects.select_for_update().get(pk=self.order_id)
                self.holds.set()
                assert self.lets_go.wait(PATIENCE_SECONDS)
        finally:
            connections.close_all()

    def __enter__(self):
        self.start()
        assert self.holds.wait(PATIENCE_SECONDS)
        return self

    def __exit__(self, *_):
        self.lets_go.set()
        self.join()


def let_go_after_the_first_try(holder, monkeypatch):
    def let_go(event, **_):
        assert event == "lock_timeout"
        holder.lets_go.set()
        holder.join()

    monkeypatch.setattr(locking.log, "warning", let_go, raising=False)


def test_a_lock_that_is_free_at_the_second_try_costs_nothing(house, impatient, monkeypatch):
    payment = house.payment()
    house.opening(payment)
    with Holder(payment.order_id) as holder:
        let_go_after_the_first_try(holder, monkeypatch)
        assert house.tell(payment, Kind.AUTHORIZED, "PSP1").is_new

    assert books(payment.order) == {"RECEIVABLE>CLEARING": 9000}


def test_a_lock_that_stays_taken_is_an_error_and_nothing_was_written(house, impatient):
    payment = house.payment()
    house.opening(payment)

    with Holder(payment.order_id), pytest.raises(OperationalError):
        house.tell(payment, Kind.AUTHORIZED, "PSP1")

    assert books(payment.order) == {}
    assert not payment.events.exists()


def joined(house, gift):
    request = house.request(1, order_id=str(gift.order.uuid))
    held = reserving.reserve_booking(
        partner=house.partner, is_live=True, request=request, payment_request=None, clock=house.clock
    )
    return held.booking.order_id == gift.order_id


def changed(house, gift):
    changes = GiftChanges(notes="Blue envelope")
    return changing.update_gift(gift=gift, changes=changes, payment_request=None, clock=house.clock).notes != ""


def previewed(house, gift):
    return changing.preview_gift(
        gift=gift,
        changes=GiftChanges(amount_minor=7000),
        payment_request=NO_REQUEST,
        show=lambda seen, _: seen.amount_minor == 7000,
        clock=house.clock,
    )


def cancelled(house, gift):
    return aftercare.cancel_gift(gift=gift, reason="", clock=house.clock).status == "CANCELLED"


def order_changed(house, gift):
    changes = OrderChanges(expiration_minutes=60)
    changing.update_order(order=gift.order, changes=changes, payment_request=NO_REQUEST, clock=house.clock)
    return True


def shown(house, gift):
    collecting.prepare_payment(order_id=gift.order_id, payment_request=NO_REQUEST, clock=house.clock)
    return gift.order.payments.exists()


@pytest.mark.parametrize("act", [joined, changed, previewed, cancelled, order_changed, shown])
def test_what_partners_ask_for_waits_for_a_lock_twice(house, impatient, monkeypatch, act):
    gift = held_gift(house, settlement_method="DIRECT")
    with Holder(gift.order_id) as holder:
        let_go_after_the_first_try(holder, monkeypatch)

        assert act(house, gift)
