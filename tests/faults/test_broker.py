"""Webhooks while the broker is stopped or hangs: acknowledged at once, and handled by the next drain."""

import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from payments import tasks
from payments.models import WebhookDelivery
from payments.nudges import _REST_SECONDS
from tests.faults.web import WebProcess, webhooks_to
from tests.payments.guest import opening_of
from tests.payments.house import books
from tests.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

# A nudge has 0.2 s to connect and 0.2 s to be answered; the rest is for busy cores. Without these limits it would take
# for ever, and with the usual ones of Celery minutes.
LONGEST_ANSWER_SECONDS = 8


class SilentBroker:
    """Be a broker that accepts connections and never says a word; counts whom it kept waiting."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "redis.sock"
        self.visits: list[float] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._guests: list[socket.socket] = []

    def __enter__(self) -> "SilentBroker":
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for guest in self._guests:
            guest.close()

    def _accept(self) -> None:
        while True:
            try:
                guest, _ = self._listener.accept()
            except OSError:
                return
            self._guests.append(guest)
            self.visits.append(time.monotonic())


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: that of a socket has at most 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix=f"cp-broker-{os.getpid()}-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def silent_broker(folder) -> Iterator[SilentBroker]:
    with SilentBroker(folder) as broker:
        yield broker


def attempts(sandbox):
    """Return how each delivery went, in the order in which they were sent."""
    return [row["attempts"] for row in sandbox.get("webhooks")["webhooks"]]


def pay_some(house, guest, count):
    """Let guests pay one after the other, each webhook delivered before the next; return the bookings."""
    bookings = []
    for _ in range(count):
        bookings.append(house.reserve())
        guest.pay(opening_of(bookings[-1]))
        guest.sandbox.post("webhooks/flush")
    return bookings


def drain_and_see(bookings):
    """Handle what waits, and see that all of it is booked."""
    assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"RECEIVED"}
    assert WebhookDelivery.objects.count() == len(bookings)

    assert tasks.drain_deliveries() == len(bookings)

    assert [books(booking.order) for booking in bookings] == [{"RECEIVABLE>CLEARING": 9000}] * len(bookings)
    assert not WebhookDelivery.objects.filter(processed_at__isnull=True).exists()


def test_webhooks_are_acknowledged_while_the_broker_is_stopped_and_nothing_is_lost(house, guest, sandbox, folder):
    with WebProcess(folder, redis_url=f"unix://{folder}/nobody.sock?db=0") as web:
        with webhooks_to(sandbox, web):
            bookings = pay_some(house, guest, 4)

        assert [[attempt["status"] for attempt in sent] for sent in attempts(sandbox)] == [[202]] * 4
        assert max(sent[0]["seconds"] for sent in attempts(sandbox)) < LONGEST_ANSWER_SECONDS
        wait_until(lambda: "nudge_failed" in web.output, what="the failure being logged")
    drain_and_see(bookings)


def test_webhooks_are_acknowledged_while_the_broker_hangs_and_nothing_is_lost(
    house, guest, sandbox, folder, silent_broker
):
    with WebProcess(folder, redis_url=f"unix://{silent_broker.path}?db=0") as web:
        with webhooks_to(sandbox, web):
            silent_broker.visits.clear()
            began = time.monotonic()
            bookings = pay_some(house, guest, 5)
            lasted = time.monotonic() - began

        assert [[attempt["status"] for attempt in sent] for sent in attempts(sandbox)] == [[202]] * 5
        assert max(sent[0]["seconds"] for sent in attempts(sandbox)) < LONGEST_ANSWER_SECONDS
        assert silent_broker.visits != []
        wait_until(lambda: "nudge_failed" in web.output, what="the failure being logged")
        # Whoever comes within the rest of a nudge that failed is not kept waiting by another.
        assert web.output.count("nudge_failed") <= 1 + lasted / _REST_SECONDS
    drain_and_see(bookings)


def test_after_a_failure_nudges_rest_for_five_seconds_and_then_try_again(house, guest, sandbox, folder, silent_broker):
    with WebProcess(folder, redis_url=f"unix://{silent_broker.path}?db=0") as web:
        with webhooks_to(sandbox, web):
            silent_broker.visits.clear()
            pay_some(house, guest, 1)
            wait_until(lambda: "nudge_failed" in web.output, what="the first failure being logged")
            tried_at = silent_broker.visits[-1]
            tries = len(silent_broker.visits)
            (sent,) = sandbox.get("webhooks")["webhooks"]

            def is_tried_again():
                # A delivery that still waits for a worker is nudged whenever it comes again.
                sandbox.post(f"webhooks/{sent['id']}/resend")
                return len(silent_broker.visits) > tries

            wait_until(is_tried_again, every=0.2, what="another nudge after the rest")

        assert silent_broker.visits[tries] - tried_at >= _REST_SECONDS
        wait_until(lambda: web.output.count("nudge_failed") == 2, what="the second failure being logged")
        assert WebhookDelivery.objects.get().times_received > 2
