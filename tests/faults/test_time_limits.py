"""Nothing waits for ever: statements, locks, gateways; and nobody sends us more than we read."""

import http.client
import time
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from bookings.models import Booking, Order
from config.settings.base import database_settings
from gateways.http import HttpClient
from money import Money
from payments.models import Opening, Payment, Transaction, WebhookDelivery
from payments.services import aftercare
from payments.services.operations import Patience
from tests.faults.partner import session_of
from tests.payments.guest import CARD, opening_of
from tests.payments.races import run_together
from tests.processes import PATIENCE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)

LARGEST = 1024 * 1024
HANG_SECONDS = 60


def shown(name):
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return cursor.fetchone()[0]


def test_every_connection_limits_its_statements_and_its_waiting_for_locks(db):
    assert (shown("statement_timeout"), shown("lock_timeout")) == ("15s", "3s")
    assert shown("idle_in_transaction_session_timeout") == "30s"


@pytest.mark.parametrize("pooled", [True, False])
def test_pooled_and_plain_connections_carry_the_same_limits(pooled):
    options = database_settings(pooled=pooled)["OPTIONS"]["options"]

    assert "-c statement_timeout=15000" in options
    assert "-c lock_timeout=3000" in options


def test_waiting_for_a_lock_ends(house):
    order = house.reserve(payment_request=None).order

    def look():
        with transaction.atomic():
            return Order.objects.select_for_update().get(pk=order.pk)

    with transaction.atomic():
        look()
        started = time.monotonic()
        (waited,) = run_together(look)

    assert isinstance(waited, OperationalError)
    assert "lock timeout" in str(waited)
    assert 2.5 < time.monotonic() - started < 14


def hang(sandbox, operation):
    sandbox.post("faults", gateway="adyen", operation=operation, fault="hang", seconds=HANG_SECONDS, times=-1)


def test_one_call_of_any_account_ends_in_time():
    defaults = HttpClient(gateway="adyen", secret_fields=())
    timeouts = [float(fields["timeout_seconds"]) for fields in django_settings.GATEWAY_CREDENTIALS.values()]

    assert timeouts != []
    assert defaults.connect_seconds + max([defaults.total_seconds, *timeouts]) <= 20


def test_all_calls_of_one_request_end_in_time():
    """The last call starts early enough to be cut off by its own limits before the request's time is over."""
    defaults = HttpClient(gateway="adyen", secret_fields=())
    longest = max(float(fields["timeout_seconds"]) for fields in django_settings.GATEWAY_CREDENTIALS.values())
    began = datetime(2026, 11, 21, 9, 0, tzinfo=timezone.get_current_timezone())
    seconds = iter([0, *range(60)])
    patience = Patience(lambda: began + timedelta(seconds=next(seconds)))

    last_start = next(second for second in range(60) if not patience.allows_a_call()) - 1

    assert last_start >= 0
    assert last_start + defaults.connect_seconds + longest <= 20


@pytest.mark.usefixtures("hurried_gateways")
def test_a_reservation_is_answered_while_the_gateway_hangs_and_gets_its_session_later(octo, sandbox):
    hang(sandbox, "sessions")

    started = time.monotonic()
    booking = octo.reserve()

    assert time.monotonic() - started < HANG_SECONDS / 2
    assert len(sandbox.get("requests", operation="sessions")["requests"]) == 1
    assert booking["status"] == "ON_HOLD"
    assert session_of(booking) is None
    opening = Opening.objects.get()
    assert opening.status == "REQUESTED"
    assert opening.unknown_since_at is not None
    sandbox.delete("faults")
    again = octo.send("GET", f"/bookings/{booking['uuid']}").json()
    assert session_of(again) is not None
    assert Opening.objects.count() == 1


@pytest.mark.usefixtures("hurried_gateways")
def test_a_capture_that_hangs_is_unknown_and_the_confirm_pending(octo, guest, sandbox):
    booking = octo.reserve(currency="USD")
    guest.pay(opening_of(Booking.objects.get(uuid=booking["uuid"])))
    guest.deliver()
    hang(sandbox, "capture")

    started = time.monotonic()
    answer = octo.confirm(booking["uuid"], session=session_of(booking))

    assert time.monotonic() - started < HANG_SECONDS / 2
    assert (answer.status_code, answer.json()["error"]) == (400, "PAYMENT_PENDING")
    capture = Transaction.objects.get(kind="CAPTURE")
    assert (capture.status, capture.unknown_since_at is not None) == ("PENDING", True)
    assert Booking.objects.get().status == "ON_HOLD"


@pytest.mark.usefixtures("hurried_gateways")
def test_a_cancel_with_more_to_give_back_than_there_is_time_for_leaves_the_rest_to_workers(
    octo, guest, sandbox, settings
):
    """Two payments for one booking: the first refund hangs, the second is not even begun by the request."""
    settings.PAYMENTS = {**settings.PAYMENTS, "GATEWAY_TIMEOUT_SECONDS": 30, "REQUEST_SECONDS": 31.5}
    booking = octo.reserve(adults=1)
    octo.send("PATCH", f"/bookings/{booking['uuid']}", {"unitItems": octo.units(2)})
    dearer = octo.send("PATCH", f"/bookings/{booking['uuid']}", {"unitItems": octo.units(3)})
    first, _, last = Opening.objects.order_by("created_at")
    assert session_of(dearer.json()) == last.gateway_reference
    guest.pay(first)
    guest.deliver()
    rest = octo.send("GET", f"/bookings/{booking['uuid']}").json()
    guest.sandbox.post(f"adyen/sessions/{session_of(rest)}/pay", **CARD, holderName="Ada Byron")
    guest.deliver()
    hang(sandbox, "refund")

    started = time.monotonic()
    answer = octo.send("POST", f"/bookings/{booking['uuid']}/cancel", {"reason": "rain"})

    assert time.monotonic() - started < HANG_SECONDS / 2
    assert (answer.status_code, answer.json()["status"]) == (200, "CANCELLED")
    asked, left = Transaction.objects.filter(kind="REFUND").order_by("-claim_number")
    assert (asked.status, asked.unknown_since_at is not None) == ("PENDING", True)
    assert (left.status, left.claim_number, left.unknown_since_at) == ("PENDING", 0, None)


@pytest.mark.usefixtures("hurried_gateways")
def test_a_refund_that_hangs_is_unknown_and_blocks_the_next(house, guest, sandbox):
    booking = house.reserve()
    guest.pay(opening_of(booking))
    guest.deliver()
    hang(sandbox, "refund")
    payment = Payment.objects.get()

    started = time.monotonic()
    (refund,) = aftercare.refund_payment(
        payment=payment, money=Money(100, "EUR"), reason="", requested_by="ada", clock=timezone.now
    )

    assert time.monotonic() - started < HANG_SECONDS / 2
    assert (refund.status, refund.unknown_since_at is not None, refund.error_code) == ("PENDING", True, "")


def announce(url, path, headers, *, length):
    """Announce a body of so many bytes, send none of it, and return how that is answered."""
    parts = urlsplit(url)
    talk = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_SECONDS)
    try:
        talk.putrequest("POST", path)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(length), **headers}.items():
            talk.putheader(name, value)
        talk.endheaders()
        answer = talk.getresponse()
        # The server of the tests reads what was announced before it ends the answer.
        return answer.status, answer.read1(1000)
    finally:
        talk.close()


@pytest.mark.parametrize("path", ["/octo/bookings", "/octo/bookings/7a1b5c9e-32d3-4a55-9e0c-6b0f5d1a2c3d/confirm"])
def test_a_body_over_one_mebibyte_is_refused_by_octo_before_it_is_read(house, key, live_server, path):
    headers = {"Authorization": f"Bearer {key}", "Octo-Capabilities": ""}

    status, body = announce(live_server.url, path, headers, length=LARGEST + 1)

    assert status == 400
    assert b'"BAD_REQUEST"' in body
    assert not Booking.objects.exists()


def test_a_body_over_one_mebibyte_is_refused_by_the_webhook_before_it_is_read(house, live_server):
    status, _ = announce(live_server.url, "/webhooks/adyen-eu/", {}, length=LARGEST + 1)

    assert status == 413
    assert not WebhookDelivery.objects.exists()


def test_a_large_body_that_is_sent_all_the_same_is_refused(client, house, key):
    body = b'{"notes": "' + b"x" * LARGEST + b'"}'
    headers = {"Authorization": f"Bearer {key}", "Octo-Capabilities": ""}

    octo = client.post("/octo/bookings", data=body, content_type="application/json", headers=headers)
    webhook = client.post("/webhooks/adyen-eu/", data=body, content_type="application/json")

    assert (octo.status_code, octo.json()["error"]) == (400, "BAD_REQUEST")
    assert webhook.status_code == 413
    assert not Booking.objects.exists()
    assert not WebhookDelivery.objects.exists()
