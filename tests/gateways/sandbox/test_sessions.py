from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.gateways.sandbox.conftest import Box, Receiver, session_request


def status(box: Box, session_id: str, session_result: str) -> str:
    answer = box.api("GET", f"/sessions/{session_id}", query={"sessionResult": session_result})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["status"])


def test_session_answers_what_was_asked_with_id_data_and_expiry(box: Box) -> None:
    session = box.new_session(shopperLocale="nl-NL", channel="Web", captureDelayHours=0, metadata={"order": "17"})

    assert session["amount"] == {"currency": "EUR", "value": 12050}
    assert session["id"].startswith("CS")
    assert len(session["sessionData"]) > 100
    assert session["shopperLocale"] == "nl-NL"
    left = datetime.fromisoformat(session["expiresAt"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)


def test_hosted_session_has_a_url_to_the_page(box: Box) -> None:
    session = box.new_session(mode="hosted")

    assert session["url"] == f"{box.url}/adyen/pay/{session['id']}"


def test_paid_session_is_completed_and_says_by_which_payment(box: Box, receiver: Receiver) -> None:
    session = box.new_session()

    paid = box.pay(session["id"])
    answer = box.api("GET", f"/sessions/{session['id']}", query={"sessionResult": paid["sessionResult"]}).json()

    assert paid["resultCode"] == "Authorised"
    assert answer == {
        "id": session["id"],
        "status": "completed",
        "reference": "cp_7Qm2",
        "payments": [
            {
                "pspReference": paid["pspReference"],
                "resultCode": "Authorised",
                "amount": {"currency": "EUR", "value": 12050},
                "paymentMethod": {"type": "scheme", "brand": "visa"},
            }
        ],
    }
    box.flush()
    [item] = receiver.items()
    assert (item["success"], item["pspReference"]) == ("true", paid["pspReference"])
    assert item["additionalData"]["checkoutSessionId"] == session["id"]
    assert item["additionalData"]["cardSummary"] == "1111"
    assert item["reason"] == f"{item['additionalData']['authCode']}:1111:03/2030"


def test_session_result_stays_frozen_whatever_happens_later(box: Box) -> None:
    session = box.new_session()
    refused = box.pay(session["id"], holderName="DECLINED")

    paid = box.pay(session["id"])

    assert status(box, session["id"], refused["sessionResult"]) == "active"
    assert status(box, session["id"], paid["sessionResult"]) == "completed"


def test_each_attempt_has_its_own_reference_and_four_refusals_end_the_session(box: Box, receiver: Receiver) -> None:
    session = box.new_session()

    attempts = [box.pay(session["id"], holderName="NOT_ENOUGH_BALANCE") for _ in range(4)]

    assert len({attempt["pspReference"] for attempt in attempts}) == 4
    assert {attempt["refusalReason"] for attempt in attempts} == {"Not enough balance"}
    found = [status(box, session["id"], attempt["sessionResult"]) for attempt in attempts]
    assert found == ["active", "active", "active", "refused"]
    fifth = box.pay(session["id"], status=422)
    assert "refused" in fifth["message"]
    box.flush()
    assert [item["success"] for item in receiver.items("AUTHORISATION")] == ["false"] * 4


def test_paid_session_cannot_be_paid_twice(box: Box) -> None:
    session = box.new_session()
    box.pay(session["id"])

    second = box.pay(session["id"], status=422)

    assert "completed" in second["message"]
    [money] = box.control("GET", "/money")["money"]
    assert money["authorized"] == 12050


def test_expired_and_canceled_sessions_say_so_and_cannot_be_paid(box: Box) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    expired, canceled = box.new_session(expiresAt=soon), box.new_session()

    expired_result = box.control("POST", f"/adyen/sessions/{expired['id']}/expire")
    canceled_result = box.control("POST", f"/adyen/sessions/{canceled['id']}/cancel")

    assert status(box, expired["id"], expired_result["sessionResult"]) == "expired"
    assert status(box, canceled["id"], canceled_result["sessionResult"]) == "canceled"
    box.pay(expired["id"], status=422)
    box.pay(canceled["id"], status=422)
    assert box.control("GET", "/adyen/payments") == {"payments": []}


def test_pending_payment_leaves_the_session_pending_until_the_webhook(box: Box, receiver: Receiver) -> None:
    session = box.new_session()
    paid = box.pay(session["id"], holderName="PENDING")
    assert paid["resultCode"] == "Received"
    assert status(box, session["id"], paid["sessionResult"]) == "paymentPending"
    box.flush()
    assert receiver.items() == []

    box.control("POST", f"/adyen/payments/{paid['pspReference']}/authorise")

    box.flush()
    assert [item["success"] for item in receiver.items("AUTHORISATION")] == ["true"]
    assert status(box, session["id"], paid["sessionResult"]) == "paymentPending"
    assert box.payment(paid["pspReference"])["authorized"] == 12050


@pytest.mark.parametrize("days", [-1, 2])
def test_session_cannot_expire_in_the_past_or_after_a_day(box: Box, days: int) -> None:
    moment = (datetime.now(UTC) + timedelta(days=days)).isoformat()

    answer = box.api("POST", "/sessions", session_request(expiresAt=moment))

    assert answer.status_code == 422


def test_session_of_another_account_or_with_a_foreign_result_is_not_shown(box: Box) -> None:
    session, other = box.new_session(), box.new_session()
    paid = box.pay(other["id"])

    foreign = box.api("GET", f"/sessions/{session['id']}", query={"sessionResult": paid["sessionResult"]})
    stranger = box.api(
        "GET", f"/sessions/{other['id']}", query={"sessionResult": paid["sessionResult"]}, api_key="key-of-harbor"
    )
    without = box.api("GET", f"/sessions/{other['id']}")

    assert (foreign.status_code, stranger.status_code, without.status_code) == (422, 404, 422)


def test_capture_delay_zero_captures_at_once_without_a_capture_webhook(box: Box, receiver: Receiver) -> None:
    psp_reference = box.authorized(captureDelayHours=0)

    box.flush()

    assert box.payment(psp_reference)["captured"] == 12050
    [item] = receiver.items()
    assert (item["eventCode"], item["operations"]) == ("AUTHORISATION", ["REFUND"])


def test_without_capture_delay_a_payment_waits_for_its_capture(box: Box, receiver: Receiver) -> None:
    psp_reference = box.authorized()

    box.flush()

    payment = box.payment(psp_reference)
    assert (payment["authorized"], payment["captured"]) == (12050, 0)
    assert receiver.items()[0]["operations"] == ["CANCEL", "CAPTURE", "REFUND"]


def test_card_is_stored_when_the_merchant_asks_or_the_guest_consents(box: Box, receiver: Receiver) -> None:
    storing: dict[str, Any] = {"shopperReference": "guest-17", "recurringProcessingModel": "CardOnFile"}
    asked = box.new_session(**storing, storePaymentMethodMode="askForConsent")
    box.pay(asked["id"])
    query = {"merchantAccount": "FernwegToursEU", "shopperReference": "guest-17"}
    assert box.api("GET", "/storedPaymentMethods", query=query).json()["storedPaymentMethods"] == []

    asked = box.new_session(**storing, storePaymentMethodMode="askForConsent")
    box.pay(asked["id"], storePaymentMethod=True)
    enabled = box.new_session(**storing, storePaymentMethodMode="enabled")
    box.pay(enabled["id"])

    [stored] = box.api("GET", "/storedPaymentMethods", query=query).json()["storedPaymentMethods"]
    assert (stored["brand"], stored["lastFour"]) == ("visa", "1111")
    assert (stored["expiryMonth"], stored["expiryYear"]) == ("03", "30")
    box.flush()
    told = [item["additionalData"].get("tokenization.store.operationType") for item in receiver.items("AUTHORISATION")]
    assert len(told) == 3
    assert set(told) == {None, "created", "alreadyExisting"}


def test_storing_needs_a_shopper_and_a_model(box: Box) -> None:
    answer = box.api("POST", "/sessions", session_request(storePaymentMethodMode="enabled"))

    assert (answer.status_code, answer.json()["errorCode"]) == (422, "139")
