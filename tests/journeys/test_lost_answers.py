"""Answers that get lost after the processor acted: unknown, then resolved, and never a second time."""

import pytest

from payments.models import Opening, Transaction

TWO_ADULTS = 9000
TWO_ADULTS_USD = 10000


def test_the_answer_to_a_new_session_is_lost(trip):
    trip.fault("sessions", "answer_lost")

    held = trip.hold()

    assert held.first_session is None
    assert Opening.objects.get().unknown_since_at is not None
    session = held.session
    paid = trip.pay(session)
    held.confirm(session, paid["sessionResult"])
    trip.settle()
    assert Opening.objects.count() == 1
    assert len({request["idempotency_key"] for request in trip.requests("sessions")}) == 1
    assert len(trip.requests("sessions")) == 2
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}
    assert held.at_processor["captured"] == TWO_ADULTS


def test_a_session_whose_answer_was_lost_is_opened_by_the_worker_if_nobody_asks(trip):
    trip.fault("sessions", "answer_lost")

    trip.hold()

    trip.until(lambda: Opening.objects.get().status == "OPEN", "the worker asking again")
    assert Opening.objects.get().unknown_since_at is None
    assert len({request["idempotency_key"] for request in trip.requests("sessions")}) == 1


@pytest.mark.parametrize("is_told_by_webhook", [True, False])
def test_the_answer_to_a_capture_is_lost(trip, is_told_by_webhook):
    held = trip.hold(currency="USD")
    session = held.session
    trip.pay(session)
    trip.until(lambda: held.payment.state == "AUTHORIZED", "the hold on the card being known")
    trip.fault("capture", "answer_lost")
    if not is_told_by_webhook:
        trip.fault("webhook", "dropped", times=-1)

    status, answer = held.ask_to_confirm(session)

    assert (status, answer["error"]) == (400, "PAYMENT_PENDING")
    assert held.status == "ON_HOLD"
    held.confirm(session)
    if not is_told_by_webhook:
        # Found out by repeating the same call with the same key; the money itself is told by webhook only.
        assert len(trip.requests("capture")) == 2
        assert held.books == {}
        trip.forgive()
        trip.sandbox.post("webhooks/flush", lost=True)
    trip.settle()
    assert Transaction.objects.filter(kind="CAPTURE").count() == 1
    assert Transaction.objects.get(kind="CAPTURE").unknown_since_at is None
    assert len({request["idempotency_key"] for request in trip.requests("capture")}) == 1
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS_USD}
    assert (held.at_processor["authorized"], held.at_processor["captured"]) == (TWO_ADULTS_USD, TWO_ADULTS_USD)


@pytest.mark.parametrize("is_told_by_webhook", [True, False])
def test_the_answer_to_a_refund_is_lost(trip, is_told_by_webhook):
    held = trip.hold()
    session = held.session
    paid = trip.pay(session)
    held.confirm(session, paid["sessionResult"])
    trip.settle()
    trip.fault("refund", "answer_lost")
    if not is_told_by_webhook:
        trip.fault("webhook", "dropped", times=-1)

    shown = held.cancel()

    assert shown["status"] == "CANCELLED"
    if not is_told_by_webhook:
        refund = Transaction.objects.get(kind="REFUND")
        assert refund.unknown_since_at is not None
        trip.until(lambda: Transaction.objects.get(kind="REFUND").gateway_reference, "the worker asking again")
        assert len(trip.requests("refund")) == 2
        trip.forgive()
        trip.sandbox.post("webhooks/flush", lost=True)
    trip.settle()
    assert Transaction.objects.filter(kind="REFUND").count() == 1
    assert len({request["idempotency_key"] for request in trip.requests("refund")}) == 1
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS, "CLEARING>RECEIVABLE": TWO_ADULTS}
    assert (held.at_processor["captured"], held.at_processor["refunded"]) == (TWO_ADULTS, TWO_ADULTS)
    assert held.read()["cardPayment"]["totalRefunded"] == TWO_ADULTS
