"""Many at once: workers that meet, workers that die, and receivers that hang beside one that answers."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from api.callbacks import delivering, fan_out
from api.callbacks.sending import Attempt
from api.models import CallbackStatus, Delivery, Subscription
from api.octo.deliveries import render_delivery
from api.tasks import tell_partners
from bookings.models import Change
from tests.api.callbacks.receiver import receiver
from tests.processes import PATIENCE_SECONDS, CeleryWorker, wait_until

pytestmark = pytest.mark.django_db(transaction=True)
SUCCESS = Attempt(status_code=200, error="", milliseconds=5)
FAILURE = Attempt(status_code=500, error="answered 500", milliseconds=5)


def at_once(call: Callable[[], object], times: int) -> list[object]:
    """Run a call in threads with connections of their own, and return what they returned."""
    results: list[object] = []
    start = threading.Barrier(times)

    def run() -> None:
        try:
            start.wait(PATIENCE_SECONDS)
            results.append(call())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert len(results) == times
    return results


def test_workers_that_meet_deliver_once(shop, octo, hook, partner, beat):
    for _ in range(5):
        shop.reserve(octo)

    made = at_once(beat.tell, 4)

    assert sum(made) == 5
    assert len({body["booking"]["uuid"] for body in partner.bodies}) == len(partner.got) == 5
    assert set(Delivery.objects.values_list("status", "attempts")) == {("DELIVERED", 1)}


def test_fan_outs_that_meet_make_one_delivery_of_each_subject(shop, octo, hook):
    for _ in range(5):
        booking = shop.reserve(octo)
        octo.patch(f"/bookings/{booking['uuid']}", {"notes": "Vegetarian lunch"})

    at_once(lambda: fan_out.fan_out(now=timezone.now()), 4)

    assert Delivery.objects.count() == 5
    assert not Change.objects.filter(told_at__isnull=True).exists()
    assert set(Delivery.objects.values_list("after_version", "version")) == {(0, 2)}


def test_one_subscription_is_claimed_by_one(shop, octo, hook):
    for _ in range(3):
        shop.reserve(octo)
    fan_out.fan_out(now=timezone.now())

    claimed = at_once(lambda: delivering.claim(now=timezone.now()), 4)

    assert sum(delivery is not None for delivery in claimed) == 1
    assert Delivery.objects.filter(status=CallbackStatus.SENDING).count() == 1


def test_control_without_its_claim_a_delivery_is_taken_twice(shop, octo, hook):
    shop.reserve(octo)
    fan_out.fan_out(now=timezone.now())
    first = delivering.claim(now=timezone.now())
    assert delivering.claim(now=timezone.now()) is None

    Subscription.objects.update(claimed_until=None)

    assert delivering.claim(now=timezone.now()) == first


def test_a_fan_out_that_dies_in_between_has_done_nothing(shop, octo, hook, partner, beat, monkeypatch):
    shop.reserve(octo)
    with monkeypatch.context() as patched:
        # A process that is killed after the deliveries were written, before the changes were marked.
        patched.setattr("django.db.models.query.QuerySet.update", _die)
        with pytest.raises(SystemExit):
            fan_out.fan_out(now=timezone.now())
    assert Delivery.objects.count() == 0
    assert Change.objects.filter(told_at__isnull=True).count() == 2

    beat.tell()
    beat.tell()

    assert len(partner.got) == 1


def _die(*_: object, **__: object) -> None:
    raise SystemExit


def test_what_a_dead_worker_was_sending_is_sent_again_after_its_lease(shop, octo, hook, partner, beat):
    shop.reserve(octo)
    fan_out.fan_out(now=timezone.now())
    dead = delivering.claim(now=timezone.now())
    assert dead is not None
    assert beat.tell() == 0

    beat.later(seconds=46)
    assert beat.tell() == 1

    assert not delivering.record(dead, FAILURE, version=1, now=timezone.now())
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempts) == (CallbackStatus.DELIVERED, 2)
    assert Subscription.objects.get().failures == 0


def test_a_change_during_an_attempt_is_told_after_it_and_never_before(shop, octo, hook, partner, beat):
    booking = shop.reserve(octo, settlementMethod="VOUCHER")
    fan_out.fan_out(now=timezone.now())
    under_way = delivering.claim(now=timezone.now())
    rendered = render_delivery(under_way, timezone.now())
    octo.post(f"/bookings/{booking['uuid']}/confirm", {})

    assert beat.tell() == 0
    delivering.record(under_way, SUCCESS, version=rendered.version, now=timezone.now())
    assert beat.tell() == 1

    (body,) = partner.bodies
    assert body["diff"] == [{"op": "replace", "path": "/status", "was": "ON_HOLD", "value": "CONFIRMED"}]
    assert list(Delivery.objects.order_by("created_at").values_list("status", "after_version", "version")) == [
        ("DELIVERED", 0, 1),
        ("DELIVERED", 1, 2),
    ]


def test_an_attempt_that_fails_leaves_its_diff_to_the_newer_one(shop, octo, hook, partner, beat):
    booking = shop.reserve(octo, settlementMethod="VOUCHER")
    fan_out.fan_out(now=timezone.now())
    under_way = delivering.claim(now=timezone.now())
    rendered = render_delivery(under_way, timezone.now())
    octo.post(f"/bookings/{booking['uuid']}/confirm", {})
    fan_out.fan_out(now=timezone.now())

    delivering.record(under_way, FAILURE, version=rendered.version, now=timezone.now())
    beat.later(seconds=11)
    assert beat.tell() == 1

    (body,) = partner.bodies
    assert body["diff"] == [{"op": "add", "path": "/status", "was": None, "value": "CONFIRMED"}]
    assert list(Delivery.objects.order_by("created_at").values_list("status", "after_version", "version")) == [
        ("DROPPED", 0, 1),
        ("DELIVERED", 0, 2),
    ]


def test_an_attempt_that_told_ahead_of_the_outbox_is_not_told_again(shop, octo, hook, partner, beat):
    booking = shop.reserve(octo, settlementMethod="VOUCHER")
    fan_out.fan_out(now=timezone.now())
    octo.post(f"/bookings/{booking['uuid']}/confirm", {})
    under_way = delivering.claim(now=timezone.now())
    rendered = render_delivery(under_way, timezone.now())

    delivering.record(under_way, SUCCESS, version=rendered.version, now=timezone.now())

    assert rendered.version == 2
    assert beat.tell() == 0
    assert partner.got == []


def test_receivers_that_hang_do_not_keep_one_that_answers_waiting(shop, octo, partner, beat, settings):
    settings.CALLBACKS = {**settings.CALLBACKS, "ATTEMPT_SECONDS": 40}
    with ExitStack() as stack:
        dead = [stack.enter_context(receiver("hang")) for _ in range(12)]
        for each in [*dead, partner]:
            octo.post("/webhooks", {"event": "booking_update", "url": each.url})
        first = shop.reserve(octo)
        started = time.monotonic()
        telling = threading.Thread(target=lambda: (beat.tell(), connection.close()))
        telling.start()

        wait_until(lambda: partner.got, seconds=30, what="the first delivery")
        # Also what comes while all of them hang.
        second = shop.reserve(octo)
        wait_until(lambda: len(partner.got) == 2, seconds=30, what="the second delivery")
        took = time.monotonic() - started
        for each in dead:
            each.release()
        telling.join(PATIENCE_SECONDS)

        assert took < 40
        assert all(len(each.got) == 1 for each in dead)
        assert [body["booking"]["uuid"] for body in partner.bodies] == [first["uuid"], second["uuid"]]
        assert Subscription.objects.filter(failures=1, rests_until__isnull=False).count() == 12
        # Once they are known to fail, they take no more than their share of the room.
        beat.later(seconds=11)
        room = delivering._Room()
        delivering._fill(room, beat.clock, render_delivery)
        assert len(room.attempts) == settings.CALLBACKS["FAILING_AT_ONCE"] == 10


def test_a_worker_that_is_killed_while_it_sends_loses_nothing(shop, octo, hook, partner, servers, tmp_path):
    partner.behavior = "hang"
    booking = shop.reserve(octo)
    worker = CeleryWorker(
        tmp_path,
        name="callbacks",
        concurrency=1,
        environment={"DJANGO_SETTINGS_MODULE": "tests.api.callbacks.quick_settings"},
    )
    worker.start()
    try:
        tell_partners.apply_async(expires=30)
        wait_until(lambda: partner.got, what="the first attempt")
        worker.kill()
        assert Delivery.objects.get().status == CallbackStatus.SENDING
        partner.behavior = "answer"
        worker.start()

        def is_delivered() -> bool:
            # Before the lease is over it finds nothing to do.
            tell_partners.apply_async(expires=30)
            return Delivery.objects.get().status == CallbackStatus.DELIVERED

        wait_until(is_delivered, every=0.25, what="the delivery")
    finally:
        worker.kill()
    assert [body["booking"]["uuid"] for body in partner.bodies] == [booking["uuid"]] * 2
    assert Delivery.objects.get().last_attempt_at > timezone.now() - timedelta(minutes=1)
