"""What a guest brings back from the bank decides the payment once, for the key and the place that began it."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from api.context.models import PaymentProcess
from bookings.models import BookingStatus
from payments.models import Challenge, LedgerEntry, Transaction
from payments.services import janitor
from tests.api.context.desk import Caller, brought_back, build_desk, challenge
from tests.payments.house import books

pytestmark = pytest.mark.django_db


@pytest.fixture
def began(desk, caller, guest):
    """The answer that sends the guest to the bank."""
    return challenge(desk.at_booking, caller)


def complete(desk, caller, body, place=None):
    return caller.post(f"{place or desk.at_booking}/CompleteSecurePayment", body)


def test_what_the_guest_brings_back_pays_the_booking(desk, caller, began):
    answer = complete(desk, caller, brought_back(began))

    shown = answer.json()
    assert answer.status_code == 201
    assert list(shown) == list(began)
    assert (shown["isSuccessfulPayment"], shown["errorCode"], shown["amountPaid"]) == (True, "22053", 90)
    assert (shown["actionRequired"], shown["paymentProcessAuditId"]) == ("None", began["paymentProcessAuditId"])
    assert desk.fresh().status == BookingStatus.CONFIRMED
    assert books(desk.booking.order) == {"RECEIVABLE>CLEARING": 9000, "DONATION>CLEARING": 2500}


def test_a_guest_the_bank_did_not_believe_is_refused(desk, caller, began):
    answer = complete(desk, caller, brought_back(began, password="1234"))

    assert (answer.status_code, answer.json()["errorCode"]) == (200, "22060")
    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize(
    "told",
    [
        lambda body: {**body, "paymentDetails": json.loads(body["paymentDetails"])},
        lambda body: {**body, "paymentProcessAuditId": int(body["paymentProcessAuditId"])},
        lambda body: {
            **body,
            "paymentDetails": [*json.loads(body["paymentDetails"]), {"key": "method", "value": "GET"}],
        },
    ],
    ids=["an array", "a number", "with what we put beside it"],
)
def test_the_body_may_be_written_in_either_of_the_documented_ways(desk, caller, began, told):
    assert complete(desk, caller, told(brought_back(began))).status_code == 201


def test_the_same_again_is_answered_the_same_and_done_once(desk, caller, guest, began):
    body = brought_back(began)
    first = complete(desk, caller, body)

    second = complete(desk, caller, body)

    assert (second.status_code, second.json()) == (first.status_code, first.json())
    asked = guest.sandbox.get("requests", operation="payment_details")["requests"]
    assert len(asked) == 1


def test_something_else_after_it_is_decided_is_refused(desk, caller, began):
    body = brought_back(began)
    complete(desk, caller, body)

    answer = complete(desk, caller, {**body, "paymentDetails": [{"key": "redirectResult", "value": "another"}]})

    assert (answer.status_code, answer.json()["errorType"]) == (403, "AlreadySet")
    assert answer.json()["money"] == {
        "moved": "yes",
        "amount": 115.0,
        "currencyCode": "EUR",
        "retrySafeUntil": None,
        "askAgainAt": None,
    }


def test_a_proof_of_nothing_decides_nothing(desk, caller, began):
    body = brought_back(began)

    answer = complete(desk, caller, {**body, "paymentDetails": [{"key": "redirectResult", "value": "made up"}]})

    assert (answer.status_code, answer.json()["errorType"]) == (400, "Malformed")
    assert complete(desk, caller, body).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_what_a_webhook_decided_first_is_told_to_who_brings_the_proof(desk, caller, told_guest, shop, began):
    second = build_desk(shop)
    body, others = brought_back(began), challenge(second.at_booking, caller)
    mixed_up = {
        "paymentDetails": body["paymentDetails"],
        "paymentData": others["redirectRequest"]["paymentData"],
        "paymentProcessAuditId": others["paymentProcessAuditId"],
    }
    assert complete(second, caller, mixed_up).status_code == 400
    told_guest.deliver()

    answer = complete(desk, caller, body)

    assert (answer.status_code, answer.json()["errorCode"], answer.json()["amountPaid"]) == (201, "22053", 90)
    assert books(desk.booking.order)["RECEIVABLE>CLEARING"] == 9000
    assert not LedgerEntry.objects.filter(order=second.booking.order).exists()
    assert caller.get(f"{second.at_booking}/Payment").json() == {"payments": []}


def test_a_guest_whose_booking_was_cancelled_meanwhile_is_charged_nothing(desk, caller, guest, shop, began):
    cancelled = shop.octo("octo/cardPayments").post(f"/bookings/{desk.booking.uuid}/cancel", {"reason": "rain"})
    assert cancelled.status_code == 200

    answer = complete(desk, caller, brought_back(began))

    assert (answer.status_code, answer.json()["errorType"]) == (403, "AlreadySet")
    assert answer.json()["errors"] == ["The booking is cancelled, or its hold has expired."]
    assert guest.sandbox.get("requests", operation="payment_details")["requests"] == []
    assert not LedgerEntry.objects.exists()


def test_nobody_else_goes_on_with_it(desk, caller, shop, began):
    body = brought_back(began)
    second = build_desk(shop)
    others = [
        (Caller(desk.other_key), desk.at_booking),
        (Caller(desk.test_key), desk.at_booking),
        (Caller(desk.sibling_key), desk.at_booking),
        (caller, second.at_booking),
        (caller, desk.at_customer),
    ]

    assert [complete(desk, who, body, place).status_code for who, place in others] == [404] * 5
    assert complete(desk, caller, {**body, "paymentProcessAuditId": 999_999}).status_code == 404
    assert not LedgerEntry.objects.exists()


def test_who_comes_back_after_half_an_hour_is_too_late_and_nothing_is_taken(desk, caller, guest, began):
    body = brought_back(began)
    Challenge.objects.update(expires_at=timezone.now())

    answers = [complete(desk, caller, body) for _ in range(2)]
    janitor.resolve_unknown(clock=timezone.now)
    answers.append(complete(desk, caller, body))

    told = [(each.status_code, each.json()["isSuccessfulPayment"], each.json()["errorCode"]) for each in answers]
    assert told == [(200, False, "22064")] * 3
    assert guest.sandbox.get("requests", operation="payment_details")["requests"] == []
    assert not LedgerEntry.objects.exists()
    assert began["paymentProcessAuditId"] == str(PaymentProcess.objects.get().pk)


def test_who_comes_back_for_the_first_time_when_the_house_has_given_up_is_told_the_same(desk, caller, guest, began):
    body = brought_back(began)
    Challenge.objects.update(expires_at=timezone.now())
    Transaction.objects.update(next_check_at=timezone.now())
    janitor.resolve_unknown(clock=timezone.now)
    assert Transaction.objects.get().status == "FAILED"

    answer = complete(desk, caller, body)

    assert (answer.status_code, answer.json()["errorCode"]) == (200, "22064")
    assert guest.sandbox.get("requests", operation="payment_details")["requests"] == []


@pytest.mark.parametrize("place", ["at_booking", "at_customer"])
def test_after_a_lost_answer_nobody_is_told_that_nothing_moved(desk, caller, guest, place, request):
    path = getattr(desk, place)
    body = brought_back(challenge(path, caller))
    guest.fail("webhook", "dropped", times=-1)
    guest.fail("payment_details", "answer_lost")
    complete(desk, caller, body, path)
    request.getfixturevalue("nobody_listens")

    answer = complete(desk, caller, body, path)

    assert (answer.status_code, answer.json()["money"]["moved"]) == (503, "unknown")


def test_a_lost_answer_is_unknown_and_the_same_proof_may_be_brought_again(desk, caller, guest, began):
    body = brought_back(began)
    guest.fail("webhook", "dropped", times=-1)
    guest.fail("payment_details", "answer_lost")

    lost = complete(desk, caller, body)
    again = complete(desk, caller, body)

    assert (lost.status_code, lost.json()["errorCode"]) == (202, "22099")
    assert (again.status_code, again.json()["errorCode"]) == (201, "22053")
    assert books(desk.booking.order)["RECEIVABLE>CLEARING"] == 9000


def test_a_gateway_that_is_not_reached_leaves_the_payment_waiting(desk, caller, began, request):
    body = brought_back(began)
    request.getfixturevalue("nobody_listens")

    answer = complete(desk, caller, body)

    assert (answer.status_code, answer.json()["errorType"], answer["Retry-After"]) == (503, "Unavailable", "5")
    assert answer.json()["money"]["moved"] == "unknown"
    assert Challenge.objects.get().action_encrypted is not None


def test_a_top_up_goes_on_below_its_customer(desk, caller, guest):
    began = challenge(desk.at_customer, caller, 120)

    answer = complete(desk, caller, brought_back(began), desk.at_customer)

    assert (answer.status_code, answer.json()["bookingId"]) == (201, None)
    assert caller.get(f"{desk.at_booking}/PaymentMethods").json()["methods"][1]["availableAmount"] == 120


def test_the_challenge_outlives_no_payment(began):
    assert Challenge.objects.get().expires_at - timezone.now() <= timedelta(minutes=30)
