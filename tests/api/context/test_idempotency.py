"""A payment that is asked for again under its `Idempotency-Key` is made once, and shown as it stands."""

import pytest

from api.context.models import PaymentProcess
from api.models import IdempotentRequest
from bookings.models import Order
from payments.models import LedgerEntry, Transaction
from payments.services import topping_up
from tests.api.context.desk import MASTERCARD, brought_back, card, challenge, plain

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("place", ["at_booking", "at_customer"])
def test_the_same_again_is_paid_once_and_answered_alike(desk, caller, guest, place):
    path = f"{getattr(desk, place)}/Payment"
    first = caller.post(path, plain(40), Idempotency_Key="P-1")

    again = caller.post(path + "/", plain(40), Idempotency_Key="P-1")

    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert (first.status_code, again["Idempotent-Replayed"]) == (201, "true")
    assert Transaction.objects.count() == 1


def test_a_refusal_is_how_it_ended_and_charges_no_second_card(desk, caller, guest):
    refused = plain(paymentMethodDetails=card(holder="DECLINED"))
    caller.post(f"{desk.at_booking}/Payment", refused, Idempotency_Key="P-1")

    other = plain(paymentMethodDetails=card(MASTERCARD, holder="DECLINED"))
    again = caller.post(f"{desk.at_booking}/Payment", other, Idempotency_Key="P-1")

    # Card fields are no part of what makes two requests the same one.
    assert (again.status_code, again.json()["errorCode"]) == (200, "22060")
    assert Transaction.objects.count() == 1


def test_another_request_under_the_key_is_refused(desk, caller, guest):
    caller.post(f"{desk.at_booking}/Payment", plain(40), Idempotency_Key="P-1")

    answer = caller.post(f"{desk.at_booking}/Payment", plain(50), Idempotency_Key="P-1")

    assert (answer.status_code, answer.json()["errorType"]) == (403, "AlreadySet")
    assert Transaction.objects.count() == 1


def test_a_redirect_is_shown_again_and_after_it_what_became_of_it(desk, caller, guest):
    began = challenge(desk.at_booking, caller, Idempotency_Key="P-1")
    again = challenge(desk.at_booking, caller, Idempotency_Key="P-1")
    done = caller.post(f"{desk.at_booking}/CompleteSecurePayment", brought_back(again)).json()

    last = caller.post(f"{desk.at_booking}/Payment", plain(), Idempotency_Key="P-1")

    assert again == began
    assert last.status_code == 403
    assert done["isSuccessfulPayment"]
    assert PaymentProcess.objects.count() == 1


def test_credit_is_spent_once(desk, caller, guest):
    caller.post(f"{desk.at_customer}/Payment", plain(50))
    spend = {"paymentMethodId": 40, "amount": 20, "currencyCode": "EUR"}

    answers = [caller.post(f"{desk.at_booking}/Payment", spend, Idempotency_Key="C-1") for _ in range(2)]

    assert answers[0].json() == answers[1].json()
    assert LedgerEntry.objects.filter(to_account="CUSTOMER_CREDIT").count() == 1


def test_what_is_refused_before_it_is_sent_frees_the_key(desk, caller, guest):
    for amount in (1000, 90):
        answer = caller.post(f"{desk.at_booking}/Payment", plain(amount), Idempotency_Key="P-1")
    assert answer.status_code == 201


def test_a_request_that_is_under_way_makes_its_twin_wait(desk, caller, guest):
    caller.post(f"{desk.at_booking}/Payment", plain(40), Idempotency_Key="P-1")
    IdempotentRequest.objects.update(status_code=None)

    answer = caller.post(f"{desk.at_booking}/Payment", plain(40), Idempotency_Key="P-1")

    assert (answer.status_code, answer.json()["errorType"]) == (409, "Undecided")
    assert answer.json()["money"]["retrySafeUntil"] is not None


def test_a_top_up_whose_process_died_after_the_charge_is_not_charged_again(desk, caller, guest, monkeypatch):
    def die(**_):
        send(**_)
        raise SystemError

    send = topping_up.send_card_charge
    monkeypatch.setattr(topping_up, "send_card_charge", die)
    assert caller.post(f"{desk.at_customer}/Payment", plain(40), Idempotency_Key="P-1").status_code == 500
    monkeypatch.undo()

    answer = caller.post(f"{desk.at_customer}/Payment", plain(40), Idempotency_Key="P-1")

    assert (answer.status_code, answer.json()["amountPaid"]) == (201, 40)
    assert (Transaction.objects.count(), Order.objects.filter(kind="TOP_UP").count()) == (1, 1)


@pytest.mark.parametrize("key", ["", "é", "x" * 256])
def test_a_key_that_is_none(desk, caller, guest, key):
    answer = caller.post(f"{desk.at_booking}/Payment", plain(40), Idempotency_Key=key)

    assert (answer.status_code, answer.json()["errorType"]) == (400, "Malformed")
    assert not Transaction.objects.exists()
