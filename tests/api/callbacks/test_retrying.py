"""Receivers that fail: when they are tried again, how the rest waits with it, and what is asked for again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from api.callbacks import fan_out
from api.models import CallbackStatus, Delivery, Subscription
from config.metrics import WorkUnderWay

pytestmark = pytest.mark.django_db(transaction=True)
SCHEDULE = [10, 60, 300, 1_800, 7_200, 21_600, 43_200, 86_400]


def statuses() -> list[tuple[str, int]]:
    return list(Delivery.objects.order_by("created_at", "pk").values_list("status", "attempts"))


def test_a_receiver_that_was_down_is_served_the_newest_state_once(shop, octo, hook, partner, beat):
    partner.status = 503
    booking = shop.reserve(octo, settlementMethod="VOUCHER")
    beat.tell()
    octo.post(f"/bookings/{booking['uuid']}/confirm", {})
    # It rests: the change is coalesced and waits with it.
    assert beat.tell() == 0
    beat.later(seconds=11)
    assert beat.tell() == 1
    partner.status = 200

    beat.later(seconds=61)
    assert beat.tell() == 1

    assert [body["booking"]["status"] for body in partner.bodies] == ["ON_HOLD", "CONFIRMED", "CONFIRMED"]
    assert partner.bodies[-1]["diff"] == [{"op": "add", "path": "/status", "was": None, "value": "CONFIRMED"}]
    beat.later(days=3)
    assert beat.tell() == 0
    assert statuses() == [("DELIVERED", 3)]


def test_retries_follow_the_documented_schedule_and_then_staff_see_it(shop, octo, hook, partner, beat):
    partner.status = 500
    shop.reserve(octo)
    assert beat.tell() == 1

    for seconds in SCHEDULE:
        beat.later(seconds=seconds - 5)
        assert beat.tell() == 0
        beat.later(seconds=10)
        assert beat.tell() == 1

    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempts, delivery.next_attempt_at) == (CallbackStatus.FAILED, 9, None)
    assert (delivery.last_status_code, delivery.last_error) == (500, "answered 500")
    beat.later(days=10)
    assert beat.tell() == 0


def test_without_retry_on_error_one_attempt_is_made(shop, octo, partner, beat):
    octo.post("/webhooks", {"event": "booking_update", "url": partner.url, "retryOnError": False})
    partner.status = 500
    shop.reserve(octo)

    beat.tell()
    beat.later(days=3)

    assert beat.tell() == 0
    assert statuses() == [("FAILED", 1)]


def test_what_failed_is_sent_again_when_the_partner_asks(shop, octo, hook, partner, beat):
    partner.status = 500
    first, second = shop.reserve(octo), shop.reserve(octo)
    Subscription.objects.update(retries_on_error=False)
    beat.tell()
    beat.later(seconds=11)
    beat.tell()
    assert statuses() == [("FAILED", 1), ("FAILED", 1)]
    partner.status = 200

    answer = octo.post(f"/webhooks/{hook['id']}/resend")
    beat.tell()

    assert answer.json()["message"] == "Deliveries on their way: 2."
    assert {body["booking"]["uuid"] for body in partner.bodies[2:]} == {first["uuid"], second["uuid"]}
    assert all(body["diff"][0]["op"] == "add" for body in partner.bodies[2:])
    assert octo.post(f"/webhooks/{hook['id']}/resend").json()["message"] == "Deliveries on their way: 0."


def test_what_still_waits_is_on_its_way_as_well_when_the_partner_asks(shop, octo, hook, partner, beat):
    partner.status = 500
    shop.reserve(octo)
    beat.tell()

    assert octo.post(f"/webhooks/{hook['id']}/resend").json()["message"] == "Deliveries on their way: 1."

    partner.status = 200
    assert beat.tell() == 1
    assert len(partner.bodies) == 2


def test_a_failing_receiver_rests_as_a_whole_and_one_success_ends_it(shop, octo, hook, partner, beat):
    partner.status = 500
    for _ in range(5):
        shop.reserve(octo)

    assert beat.tell() == 1
    assert beat.tell() == 0
    beat.later(seconds=11)
    assert beat.tell() == 1
    partner.status = 200
    beat.later(seconds=61)
    assert beat.tell() == 5

    assert len({body["booking"]["uuid"] for body in partner.bodies}) == 5
    subscription = Subscription.objects.get()
    assert (subscription.failures, subscription.rests_until, subscription.claimed_until) == (0, None, None)


def test_what_waits_for_receivers_that_answer_is_told_apart(shop, octo, hook, partner, beat):
    def told() -> dict[tuple[str, ...], float]:
        families = WorkUnderWay(now=timezone.now()).collect()
        wanted = [family for family in families if family.name.endswith(("_callbacks", "_callback_seconds"))]
        return {(each.name, *each.labels.values()): each.value for family in wanted for each in family.samples}

    shop.reserve(octo)
    fan_out.fan_out(now=timezone.now())
    Delivery.objects.update(waiting_since_at=timezone.now() - timedelta(minutes=5))
    before = told()
    partner.status = 500
    beat.tell()
    failing = told()
    Delivery.objects.update(status=CallbackStatus.FAILED, next_attempt_at=None)

    assert before["oldest_waiting_callback_seconds", "answering"] == pytest.approx(300, abs=20)
    assert before["waiting_callbacks", "failing"] == failing["waiting_callbacks", "answering"] == 0
    assert failing["oldest_waiting_callback_seconds", "failing"] == pytest.approx(300, abs=20)
    assert (failing["failed_callbacks",], told()["failed_callbacks",]) == (0, 1)
