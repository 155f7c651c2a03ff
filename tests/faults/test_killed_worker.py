"""A worker killed by SIGKILL between claim and record: the next one goes on with the same key, and money moves once."""

import pytest
from django.db import connection, transaction
from django.utils import timezone

from bookings.models import Order
from money import Money
from payments import tasks
from payments.errors import PaymentPending
from payments.models import Payment, Transaction, WebhookDelivery
from payments.services import aftercare, confirming
from payments.services.collecting import PaymentRequest
from tests.faults.agreement import BEAT_SECONDS, drain, money_of_the_ledger, money_of_the_sandbox
from tests.payments.guest import opening_of
from tests.payments.house import books
from tests.processes import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quick")]

# hang: killed before the processor did anything. slow: it has done the work, and its answer finds nobody.
STRIKES = [pytest.param("hang", 0, id="before-the-processor-acted"), pytest.param("slow", 1, id="after-it-acted")]


def paid(house, guest, currency="EUR"):
    """Return a payment whose guest has paid, with everything told."""
    booking = house.reserve(currency=currency)
    guest.pay(opening_of(booking))
    guest.deliver()
    return Payment.objects.get(order=booking.order)


def calls(sandbox, operation):
    return sandbox.get("requests", gateway="adyen", operation=operation)["requests"]


def moved(sandbox, column):
    return sum(row[column] for row in sandbox.get("money")["money"])


def kill_inside_the_call(worker, sandbox, operation, *, has_moved):
    """Let a worker send what is written and kill it while the processor holds the answer back."""
    tasks.drain_operations.apply_async()
    wait_until(lambda: calls(sandbox, operation), what=f"the worker's {operation}")
    if has_moved:
        wait_until(lambda: moved(sandbox, has_moved), what="the processor doing it")
    worker.kill()


def send_until_done(start_worker, operation):
    """Let another worker do what beat has it do, until the operation is decided."""
    start_worker("second")

    def is_decided():
        for task in (tasks.drain_operations, tasks.resolve_unknown, tasks.drain_deliveries):
            task.apply_async()
        operation.refresh_from_db()
        return operation.status != "PENDING"

    wait_until(is_decided, every=BEAT_SECONDS, what=f"the other worker finishing the {operation.kind}")


@pytest.mark.parametrize(("fault", "times_moved"), STRIKES)
def test_a_refund_whose_worker_was_killed_moves_money_once(house, guest, sandbox, start_worker, fault, times_moved):
    payment = paid(house, guest)
    sandbox.post("faults", gateway="adyen", operation="refund", fault=fault, seconds=6)
    worker = start_worker("first")
    (refund,) = aftercare.request_refund(
        payment_id=payment.id, money=Money(2500, "EUR"), reason="rain", requested_by="ada", now=timezone.now()
    )

    kill_inside_the_call(worker, sandbox, "refund", has_moved="refunded" if times_moved else None)

    refund.refresh_from_db()
    assert (refund.status, refund.claim_number, refund.gateway_reference) == ("PENDING", 1, None)
    assert moved(sandbox, "refunded") == 2500 * times_moved
    send_until_done(start_worker, refund)
    assert refund.status == "PROCESSED"
    assert refund.claim_number >= 2
    assert {call["idempotency_key"] for call in calls(sandbox, "refund")} == {refund.idempotency_key}
    assert len(calls(sandbox, "refund")) >= 2
    assert moved(sandbox, "refunded") == 2500
    assert Transaction.objects.filter(kind="REFUND").count() == 1
    assert books(payment.order) == {"RECEIVABLE>CLEARING": 9000, "CLEARING>RECEIVABLE": 2500}


@pytest.mark.parametrize(("fault", "times_moved"), STRIKES)
def test_a_capture_whose_worker_was_killed_moves_money_once(
    house, guest, sandbox, settings, start_worker, fault, times_moved
):
    payment = paid(house, guest, "USD")
    booking = payment.order.bookings.get()
    opening = opening_of(booking)
    sandbox.post("faults", gateway="adyen", operation="capture", fault=fault, seconds=6)
    worker = start_worker("first")
    # A request with no time left for one more call leaves the capture to the workers.
    settings.PAYMENTS = {**settings.PAYMENTS, "REQUEST_SECONDS": settings.PAYMENTS["GATEWAY_TIMEOUT_SECONDS"]}
    with pytest.raises(PaymentPending):
        confirming.confirm_booking(
            booking=booking,
            changes=None,
            request=PaymentRequest(opening_reference=opening.gateway_reference),
            clock=timezone.now,
        )
    capture = Transaction.objects.get(kind="CAPTURE")

    kill_inside_the_call(worker, sandbox, "capture", has_moved="captured" if times_moved else None)

    capture.refresh_from_db()
    assert (capture.status, capture.claim_number, capture.gateway_reference) == ("PENDING", 1, None)
    assert moved(sandbox, "captured") == 10000 * times_moved
    send_until_done(start_worker, capture)
    assert capture.status == "PROCESSED"
    assert {call["idempotency_key"] for call in calls(sandbox, "capture")} == {capture.idempotency_key}
    assert moved(sandbox, "captured") == 10000
    assert books(payment.order) == {"RECEIVABLE>CLEARING": 10000}
    assert confirming.confirm_booking(
        booking=booking, changes=None, request=PaymentRequest(), clock=timezone.now
    ).is_confirmed
    assert Transaction.objects.filter(kind="CAPTURE").count() == 1


def test_a_webhook_whose_worker_was_killed_is_handled_by_the_next(house, guest, sandbox, start_worker):
    booking = house.reserve()
    worker = start_worker("first")

    with transaction.atomic():
        # Whoever handles the news waits here for the order, with the delivery claimed.
        Order.objects.select_for_update().get(pk=booking.order_id)
        guest.pay(opening_of(booking))
        wait_until(_somebody_waits_for_a_lock, what="the worker waiting for the order")
        worker.kill()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.claim_number, delivery.processed_at) == ("RECEIVED", 1, None)
    assert books(booking.order) == {}

    start_worker("second")

    def is_handled():
        tasks.drain_deliveries.apply_async()
        delivery.refresh_from_db()
        return delivery.processed_at

    wait_until(is_handled, every=BEAT_SECONDS, what="the next worker handling the delivery")
    assert (delivery.status, delivery.claim_number) == ("PROCESSED", 2)
    drain(sandbox)
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}
    assert money_of_the_ledger() == money_of_the_sandbox(sandbox)


def _somebody_waits_for_a_lock():
    with connection.cursor() as cursor:
        # Inside a transaction PostgreSQL shows the activity of the first look again and again.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone()[0]
