"""The total maps of this API: every state and every code of ours has one word, and the adapter reads it back."""

import pytest

from api.invoices.statuses import (
    OVER,
    RESOLUTION_OF_CODE,
    STATUS_OF_STATE,
    Facts,
    InvoiceStatus,
    resolution_of,
    status_of,
)
from bookings.models import BookingStatus
from gateways.adapters.cardgate.news import STATUSES, Meaning
from gateways.adapters.cardgate.refusals import decline_of
from gateways.errors import ErrorCode
from payments.states import State

PRICE = 9000


def facts(**changes) -> Facts:
    nothing_happened = {
        "order_status": BookingStatus.ON_HOLD,
        "state": State.CREATED,
        "asked_minor": PRICE,
        "paid_minor": 0,
        "refunded_minor": 0,
        "charged_back_minor": 0,
        "returning_minor": 0,
        "is_charging": False,
        "has_failed_refund": False,
        "has_page": True,
    }
    return Facts(**{**nothing_happened, **changes})


def test_every_state_has_a_status_and_every_code_a_resolution():
    assert set(STATUS_OF_STATE) == set(State)
    assert set(RESOLUTION_OF_CODE) == set(ErrorCode)


def test_every_status_and_resolution_is_one_of_the_vendors():
    assert {status.value for status in InvoiceStatus} <= set(STATUSES)
    for code, resolution in RESOLUTION_OF_CODE.items():
        assert decline_of(resolution).code is code


def test_whatever_is_over_is_final_to_who_reads_it():
    assert {status for status in InvoiceStatus if status not in OVER} == {
        InvoiceStatus.PROCESS_PENDING,
        InvoiceStatus.PROCESS_ERROR,
        InvoiceStatus.PARTIALLY_PROCESSED,
    }
    assert all(STATUSES[status] is not Meaning.OPEN for status in OVER)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "process_pending"),
        ({"is_charging": True, "state": State.PENDING}, "process_pending"),
        ({"state": State.FAILED}, "process_error"),
        ({"state": State.FAILED, "is_charging": True}, "process_pending"),
        ({"state": State.FAILED, "has_page": False}, "process_failed"),
        ({"state": State.FAILED, "order_status": BookingStatus.EXPIRED}, "expired"),
        ({"order_status": BookingStatus.EXPIRED}, "expired"),
        ({"order_status": BookingStatus.CANCELLED}, "terminated"),
        ({"state": State.CAPTURED, "paid_minor": PRICE, "order_status": BookingStatus.CONFIRMED}, "processed"),
        ({"state": State.CAPTURED, "paid_minor": PRICE - 1}, "partially_processed"),
        ({"paid_minor": PRICE, "returning_minor": 1}, "refund_pending"),
        ({"paid_minor": PRICE, "has_failed_refund": True}, "refund_failed"),
        ({"paid_minor": PRICE, "refunded_minor": 1, "has_failed_refund": True}, "partially_refunded"),
        ({"paid_minor": PRICE, "refunded_minor": PRICE, "state": State.REFUNDED}, "refunded"),
        ({"paid_minor": PRICE, "charged_back_minor": 1, "refunded_minor": 2}, "charged_back"),
        # Paid twice, of which the second goes back by itself.
        ({"paid_minor": 2 * PRICE, "returning_minor": PRICE}, "processed"),
        ({"paid_minor": 2 * PRICE, "refunded_minor": PRICE}, "processed"),
        ({"paid_minor": 2 * PRICE, "has_failed_refund": True}, "processed"),
        ({"paid_minor": 2 * PRICE, "refunded_minor": PRICE, "has_failed_refund": True}, "refund_failed"),
        ({"paid_minor": 2 * PRICE, "refunded_minor": PRICE, "returning_minor": 1}, "refund_pending"),
        ({"paid_minor": 2 * PRICE, "refunded_minor": PRICE + 1}, "partially_refunded"),
        ({"paid_minor": 2 * PRICE, "refunded_minor": 2 * PRICE}, "refunded"),
        # What was paid and given back of an order that was cancelled has more to tell than that it was.
        (
            {"paid_minor": PRICE, "refunded_minor": PRICE, "order_status": BookingStatus.CANCELLED},
            "refunded",
        ),
    ],
)
def test_money_speaks_first_then_the_end_of_the_order_then_the_payment(changes, status):
    assert status_of(facts(**changes)) == status


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("order_status", [s for s in BookingStatus if s not in ("REDEEMED", "PENDING", "REJECTED")])
def test_no_state_is_without_a_word(state, order_status):
    assert status_of(facts(state=state, order_status=order_status)) in InvoiceStatus


def test_only_a_refusal_is_explained():
    assert resolution_of(InvoiceStatus.PROCESS_ERROR, "CREDIT_LIMIT_EXCEEDED") == "insufficient_funds"
    assert resolution_of(InvoiceStatus.REFUND_FAILED, "PROCESSOR_UNAVAILABLE") == "provider_error"
    assert resolution_of(InvoiceStatus.PROCESSED, "CREDIT_LIMIT_EXCEEDED") == "ok"
    assert resolution_of(InvoiceStatus.PROCESS_ERROR, "") == "ok"
