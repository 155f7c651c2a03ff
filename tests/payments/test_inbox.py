from base64 import b64encode

import pytest
from django.test import Client

from payments import inbox
from payments.models import DeliveryStatus, GatewayEvent, WebhookDelivery
from tests.payments.guest import opening_of
from tests.payments.house import books

pytestmark = pytest.mark.django_db(transaction=True)


def handle_all(house):
    house.clock.move(hours=2)
    return [inbox.handle(delivery_id=pk, clock=house.clock) for pk in inbox.due_deliveries(now=house.clock())]


def last_webhook(guest):
    return guest.sandbox.get("webhooks")["webhooks"][-1]


@pytest.fixture
def arrived(house, guest):
    """A session that was paid, with its webhook stored and not handled."""
    booking = house.reserve()
    guest.pay(opening_of(booking))
    guest.sandbox.post("webhooks/flush")
    return booking


def test_a_delivery_is_stored_once_and_handled_once(house, guest, arrived):
    guest.sandbox.post(f"webhooks/{last_webhook(guest)['id']}/resend")
    guest.sandbox.post("webhooks/flush")

    delivery = WebhookDelivery.objects.get()
    assert (delivery.times_received, delivery.status) == (2, "RECEIVED")
    assert handle_all(house) == [DeliveryStatus.PROCESSED]
    assert handle_all(house) == []
    assert books(arrived.order) == {"RECEIVABLE>CLEARING": 9000}


def test_a_repeat_of_a_handled_delivery_is_acknowledged_and_changes_nothing(house, guest, arrived):
    handle_all(house)
    events = GatewayEvent.objects.count()

    guest.sandbox.post(f"webhooks/{last_webhook(guest)['id']}/resend")
    guest.sandbox.post("webhooks/flush")

    assert WebhookDelivery.objects.get().times_received == 2
    assert handle_all(house) == []
    assert GatewayEvent.objects.count() == events


def test_a_wrongly_signed_delivery_is_refused_and_not_stored(house, guest):
    booking = house.reserve()
    guest.sandbox.post("faults", gateway="adyen", operation="webhook", fault="wrongly_signed", times=1)
    guest.pay(opening_of(booking))

    guest.sandbox.post("webhooks/flush")

    refused = last_webhook(guest)
    assert [attempt["status"] for attempt in refused["attempts"]] == [401]
    assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"notificationItems": "x"}', b"[" * 5000])
def test_a_delivery_that_proves_nothing_is_refused(house, body):
    answer = Client().post("/webhooks/adyen-eu/", data=body, content_type="application/json")

    assert answer.status_code == 401
    assert not WebhookDelivery.objects.exists()


def test_an_account_we_do_not_have_and_a_wrong_method_are_refused(house):
    assert Client().post("/webhooks/nobody/", data=b"{}", content_type="application/json").status_code == 404
    assert Client().get("/webhooks/adyen-eu/").status_code == 405
    assert Client().post("/webhooks/external/", data=b"{}", content_type="application/json").status_code == 404


def test_news_of_something_unknown_waits_as_an_orphan_and_is_matched_when_its_record_appears(house, guest):
    booking = house.reserve()
    opening = opening_of(booking)
    reference = opening.reference
    type(opening).objects.filter(pk=opening.pk).update(reference="cpo_elsewhere", gateway_reference="CSELSEWHERE")
    guest.pay(opening)
    guest.sandbox.post("webhooks/flush")

    assert handle_all(house) == [DeliveryStatus.ORPHAN]
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.processed_at) == ("ORPHAN", None)
    assert delivery.next_attempt_at > house.clock()

    type(opening).objects.filter(pk=opening.pk).update(reference=reference)
    assert handle_all(house) == [DeliveryStatus.PROCESSED]
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}


def test_a_fault_while_handling_is_kept_and_tried_again(house, guest, arrived, monkeypatch):
    def fail(**_):
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(inbox, "apply_outcome", fail)
        assert handle_all(house) == [DeliveryStatus.FAILED]

    delivery = WebhookDelivery.objects.get()
    assert (delivery.last_error, delivery.processed_at) == ("RuntimeError: the disk is full", None)
    assert handle_all(house) == [DeliveryStatus.PROCESSED]
    assert books(arrived.order) == {"RECEIVABLE>CLEARING": 9000}


def test_accepting_a_delivery_costs_two_queries(house, guest, arrived, settings, django_assert_num_queries):
    body = WebhookDelivery.objects.get().body
    WebhookDelivery.objects.all().delete()
    account = settings.GATEWAY_CREDENTIALS["adyen-eu"]
    login = b64encode(f"{account['webhook_user']}:{account['webhook_password']}".encode()).decode()

    with django_assert_num_queries(2):
        answer = Client().post(
            "/webhooks/adyen-eu/",
            data=body,
            content_type="application/json",
            headers={"authorization": f"Basic {login}"},
        )

    assert answer.status_code == 202
    assert WebhookDelivery.objects.count() == 1
