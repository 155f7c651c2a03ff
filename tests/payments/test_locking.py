"""A lock held elsewhere for longer than `lock_timeout` is waited for once more, and then it is an error."""

import threading

import pytest
from django.db import OperationalError, connection, connections, transaction

from bookings.models import Order
from gateways.protocol import OutcomeKind as Kind
from payments.services import locking
from tests.payments.house import books

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
                assert self.lets_go.wait(20)
        finally:
            connections.close_all()

    def __enter__(self):
        self.start()
        assert self.holds.wait(10)
        return self

    def __exit__(self, *_):
        self.lets_go.set()
        self.join()


def test_a_lock_that_is_free_at_the_second_try_costs_nothing(house, impatient, monkeypatch):
    payment = house.payment()
    house.opening(payment)
    with Holder(payment.order_id) as holder:

        def let_go(event, **_):
            assert event == "lock_timeout"
            holder.lets_go.set()
            holder.join()

        monkeypatch.setattr(locking.log, "warning", let_go, raising=False)
        assert house.tell(payment, Kind.AUTHORIZED, "PSP1").is_new

    assert books(payment.order) == {"RECEIVABLE>CLEARING": 9000}


def test_a_lock_that_stays_taken_is_an_error_and_nothing_was_written(house, impatient):
    payment = house.payment()
    house.opening(payment)

    with Holder(payment.order_id), pytest.raises(OperationalError):
        house.tell(payment, Kind.AUTHORIZED, "PSP1")

    assert books(payment.order) == {}
    assert not payment.events.exists()
