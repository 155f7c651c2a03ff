"""Nudges reach the broker from a thread of their own: one by one when it is quiet, together in a burst."""

import json
import threading
from base64 import b64encode

import pytest
import structlog
from django.conf import settings as django_settings
from django.db import transaction
from django.test import Client

from config.heartbeat import impatient_redis
from payments.models import WebhookDelivery
from payments.nudges import nudge
from payments.tasks import drain_deliveries, handle_delivery
from payments.webhooks import _known_accounts
from tests.payments.guest import opening_of
from tests.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
HANDLE, DRAIN = "payments.tasks.handle_delivery", "payments.tasks.drain_deliveries"


def messages():
    """Return task, arguments and request id of what waits in the queue, oldest first."""
    waiting = impatient_redis(django_settings.REDIS_URL).lrange("webhooks", 0, -1)
    headers = [json.loads(message)["headers"] for message in reversed(waiting)]
    return [(header["task"], header["kwargsrepr"], header.get("request_id")) for header in headers]


def send(delivery_id="d1"):
    nudge(handle_delivery, drain=drain_deliveries, delivery_id=delivery_id)


@pytest.fixture(autouse=True)
def nothing_waits_of_earlier_tests():
    """Send until something goes alone, which is when all before it has gone, and forget it."""
    broker = impatient_redis(django_settings.REDIS_URL)
    for number in range(10):
        broker.delete("webhooks")
        send(f"before-{number}")
        wait_until(messages, what="what was before")
        if any(f"before-{number}" in kwargs for _, kwargs, _ in messages()):
            break
    broker.delete("webhooks")


def test_a_single_nudge_is_a_message_of_its_own_with_the_requests_id():
    with structlog.contextvars.bound_contextvars(request_id="request-of-a-guest"):
        send()

    wait_until(messages, what="the message")
    assert messages() == [(HANDLE, "{'delivery_id': 'd1'}", "request-of-a-guest")]


def test_a_burst_is_a_few_messages_and_a_drain_stands_for_the_others():
    for number in range(300):
        send(f"d{number}")

    wait_until(lambda: any(task == DRAIN for task, _, _ in messages()), what="the drain")
    assert len(messages()) < 30


def test_nothing_is_sent_for_a_row_that_was_never_committed():
    with transaction.atomic():
        send("rolled-back")
        transaction.set_rollback(True)
    send("committed")

    wait_until(messages, what="the message")
    assert [kwargs for _, kwargs, _ in messages()] == ["{'delivery_id': 'committed'}"]


def test_many_requests_share_one_thread():
    for _ in range(3):
        send()

    assert [thread.name for thread in threading.enumerate()].count("nudges") == 1


def test_a_known_account_costs_no_query(house, guest, settings, django_assert_num_queries):
    guest.pay(opening_of(house.reserve()))
    guest.sandbox.post("webhooks/flush")
    body = WebhookDelivery.objects.get().body
    account = settings.GATEWAY_CREDENTIALS["adyen-eu"]
    login = b64encode(f"{account['webhook_user']}:{account['webhook_password']}".encode()).decode()
    settings.PAYMENTS = {**settings.PAYMENTS, "KNOWN_ACCOUNT_SECONDS": 60}

    def deliver():
        headers = {"authorization": f"Basic {login}"}
        return Client().post("/webhooks/adyen-eu/", data=body, content_type="application/json", headers=headers)

    _known_accounts.clear()
    with django_assert_num_queries(2):
        assert deliver().status_code == 202
    with django_assert_num_queries(1):
        assert deliver().status_code == 202
    _known_accounts.clear()

    delivery = WebhookDelivery.objects.get()
    assert (delivery.account, delivery.times_received) == (house.accounts["adyen-eu"], 3)
