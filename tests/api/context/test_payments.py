"""The documented request and answer, and what each way a payment can end looks like."""

import json
from decimal import Decimal

import pytest

from bookings.models import BookingStatus, Order
from payments.models import LedgerEntry, Transaction
from tests.api.context.desk import CHALLENGED, card, documented, plain
from tests.payments.bank import answer_the_bank
from tests.payments.house import books

pytestmark = pytest.mark.django_db(transaction=True)

# Names, order and types of the documented answer.
DOCUMENTED_ANSWER = {
    "paymentReference": str,
    "isSuccessfulPayment": bool,
    "amountPaid": Decimal,
    "currencyCode": str,
    "transactionDate": str,
    "errorCode": str,
    "message": str,
    "paymentId": str,
    "paymentProcessAuditId": str,
    "actionRequired": str,
    "redirectRequest": dict,
    "bookingId": int,
}


def exact(answer):
    """Return a body whose numbers are read digit by digit."""
    return json.loads(answer.content, parse_float=Decimal)


def test_the_documented_request_is_paid_and_answered_in_the_documented_shape(desk, caller, guest):
    answer = caller.post(f"{desk.at_booking}/Payment", documented(90.0))

    shown = exact(answer)
    charge = Transaction.objects.get()
    assert answer.status_code == 201
    assert list(shown) == list(DOCUMENTED_ANSWER)
    assert {name: type(value) for name, value in shown.items() if value is not None} == {
        name: kind for name, kind in DOCUMENTED_ANSWER.items() if name != "redirectRequest"
    }
    assert shown == {
        "paymentReference": charge.payment.reference,
        "isSuccessfulPayment": True,
        "amountPaid": Decimal("90.00"),
        "currencyCode": "EUR",
        "transactionDate": charge.decided_at.strftime("%Y-%m-%d %H:%M:%S"),
        "errorCode": "22053",
        "message": "Transaction accepted",
        "paymentId": str(charge.number),
        "paymentProcessAuditId": shown["paymentProcessAuditId"],
        "actionRequired": "None",
        "redirectRequest": None,
        "bookingId": desk.booking.number,
    }
    assert desk.fresh().status == BookingStatus.CONFIRMED
    assert books(desk.booking.order) == {"RECEIVABLE>CLEARING": 9000, "DONATION>CLEARING": 2500}
