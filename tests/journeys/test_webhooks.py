"""Webhooks that come early, late, twice, in the wrong order, with a wrong signature, for nobody, or not at all."""

from datetime import timedelta

import httpx
import pytest
from django.utils import timezone

from payments.models import GatewayEvent, Opening, WebhookDelivery
from tests.processes import wait_until

TWO_ADULTS = 9000
TWO_ADULTS_USD = 10000


def test_a_webhook_overtakes_the_answer_to_our_own_call(trip):
    held = trip.hold(currency="USD")
    session = held.session
    trip.pay(session)
    trip.until(lambda: held.payment.state == "AUTHORIZED", "the hold on the card being known")
    trip.fault("capture", "slow", seconds=1)

    held.confirm(session)

    trip.settle()
    told = trip.sandbox.get("webhooks", event="CAPTURE")["webhooks"]
    asked = trip.requests("capture")
    assert [delivery["status"] for delivery in told] == ["delivered"]
    assert len(asked) == 1
    assert held.operations[1] == ("CAPTURE", "OURS", "PROCESSED", TWO_ADULTS_USD)
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS_USD}
    assert held.at_processor["captured"] == TWO_ADULTS_USD


def test_confirmed_before_the_webhook_is_pending_and_then_confirmed_by_repeating(trip):
    held = trip.hold()
    session = held.session
    trip.fault("webhook", "dropped", times=-1)
    trip.pay(session)

    status, answer = held.ask_to_confirm(session)

    assert (status, answer["error"]) == (400, "PAYMENT_PENDING")
    assert answer["retryAfter"] > 0
    assert held.status == "ON_HOLD"
    assert held.books == {}
    trip.forgive()
    trip.sandbox.post("webhooks/flush", lost=True)
    held.confirm(session)
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}
    assert held.at_processor["captured"] == TWO_ADULTS


def test_a_lost_webhook_is_made_up_for_by_the_session_result(trip):
    held = trip.hold()
    session = held.session
    trip.fault("webhook", "dropped", times=-1)
    paid = trip.pay(session)

    status, shown = held.ask_to_confirm(session, paid["sessionResult"])

    assert (status, shown["status"]) == (200, "CONFIRMED")
    assert WebhookDelivery.objects.count() == 0
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}
    trip.forgive()
    trip.sandbox.post("webhooks/flush", lost=True)
    trip.settle()
    assert WebhookDelivery.objects.filter(status="PROCESSED").count() == 1
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}
    assert held.at_processor["captured"] == TWO_ADULTS


def test_a_lost_webhook_without_a_session_result_is_put_before_staff_until_it_is_sent_again(trip):
    held = trip.hold()
    session = held.session
    trip.fault("webhook", "dropped", times=-1)
    trip.pay(session)
    assert held.ask_to_confirm(session)[1]["error"] == "PAYMENT_PENDING"
    # Ten minutes pass.
    Opening.objects.update(reported_paid_at=timezone.now() - timedelta(minutes=11))

    trip.until(lambda: held.cases == {"WEBHOOK_MISSING"}, "the case being opened")
    assert held.status == "ON_HOLD"
    trip.forgive()
    trip.sandbox.post("webhooks/flush", lost=True)

    trip.until(lambda: held.cases == set(), "the case being closed")
    held.confirm(session)
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}
    assert held.at_processor["captured"] == TWO_ADULTS


def test_a_webhook_that_comes_twice_is_booked_once(trip):
    held = trip.hold()
    trip.fault("webhook", "doubled")

    trip.pay(held.session)

    trip.until(lambda: WebhookDelivery.objects.filter(times_received=2).exists(), "the second copy")
    trip.settle()
    assert WebhookDelivery.objects.count() == 1
    assert GatewayEvent.objects.filter(kind="AUTHORIZED").count() == 1
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}
    assert held.at_processor["captured"] == TWO_ADULTS


def test_a_late_webhook_of_a_booking_that_was_confirmed_meanwhile_changes_nothing(trip):
    held = trip.hold()
    session = held.session
    trip.fault("webhook", "delayed", seconds=1)
    paid = trip.pay(session)
    held.confirm(session, paid["sessionResult"])
    before = (held.books, held.operations, held.order.version)

    trip.until(lambda: WebhookDelivery.objects.filter(status="PROCESSED").exists(), "the late webhook")

    assert (held.books, held.operations, held.order.version) == before
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}


def test_a_capture_told_before_its_authorization_is_booked_once(trip):
    held = trip.hold(currency="USD")
    session = held.session
    trip.fault("webhook", "reordered", match={"eventCode": "AUTHORISATION"})
    paid = trip.pay(session)

    held.confirm(session, paid["sessionResult"])

    trip.until(lambda: WebhookDelivery.objects.filter(status="PROCESSED").count() == 2, "both webhooks")
    trip.settle()
    delivered = trip.sandbox.get("webhooks", status="delivered")["webhooks"]
    delivered.sort(key=lambda delivery: delivery["attempts"][-1]["at"])
    assert [delivery["event"] for delivery in delivered] == ["CAPTURE", "AUTHORISATION"]
    assert held.payment.state == "CAPTURED"
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS_USD}
    assert held.at_processor["captured"] == TWO_ADULTS_USD


def test_a_wrongly_signed_webhook_is_refused_and_leaves_nothing(trip):
    held = trip.hold()
    trip.fault("webhook", "wrongly_signed")

    trip.pay(held.session)

    wait_until(lambda: trip.sandbox.get("webhooks", status="refused")["webhooks"], what="the refusal")
    assert WebhookDelivery.objects.count() == 0
    assert held.books == {}
    trip.sandbox.post("webhooks/flush", lost=True)
    trip.until(lambda: held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}, "the rightly signed one being booked")


def test_a_webhook_for_something_unknown_waits_and_is_matched_later(trip):
    held = trip.hold()
    session = held.session
    opening = Opening.objects.get()
    # As if the row of what the guest pays were not there yet.
    Opening.objects.update(reference="cpo_elsewhere", gateway_reference="CSELSEWHERE")

    trip.pay(session)

    trip.until(lambda: WebhookDelivery.objects.filter(status="ORPHAN").exists(), "the orphan")
    assert GatewayEvent.objects.filter(kind="AUTHORIZED").count() == 0
    assert held.books == {}
    Opening.objects.update(reference=opening.reference, gateway_reference=opening.gateway_reference)
    trip.until(lambda: held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}, "the orphan being matched")
    trip.until(lambda: WebhookDelivery.objects.get().status == "PROCESSED", "the delivery being done with")
    assert held.at_processor["captured"] == TWO_ADULTS
    held.confirm()


def test_a_webhook_for_an_account_we_do_not_have_is_not_found(live_server, trip):
    answer = httpx.post(f"{live_server.url}/webhooks/nobody/", json={"notificationItems": []}, trust_env=False)

    assert answer.status_code == 404
    assert WebhookDelivery.objects.count() == 0


@pytest.mark.parametrize("operation", ["capture", "refund"])
def test_a_processor_that_is_down_for_a_moment_costs_nothing(trip, operation):
    held = trip.hold(currency="USD")
    session = held.session
    trip.pay(session)
    trip.until(lambda: held.payment.state == "AUTHORIZED", "the hold on the card being known")
    trip.fault(operation, "unavailable", times=2)

    held.confirm(session)
    held.cancel()

    trip.until(lambda: held.at_processor["refunded"] == TWO_ADULTS_USD, "the money going back")
    trip.settle()
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS_USD, "CLEARING>RECEIVABLE": TWO_ADULTS_USD}
    assert len({request["idempotency_key"] for request in trip.requests(operation)}) == 1
