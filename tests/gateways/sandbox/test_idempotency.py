import threading
from typing import Any

from tests.gateways.sandbox.conftest import MERCHANT, Box, payment_request, session_request, wait_until


def test_same_key_gets_the_first_answer_again(box: Box) -> None:
    first = box.api("POST", "/payments", payment_request(), key="attempt-1")
    again = box.api("POST", "/payments", payment_request(), key="attempt-1")
    other = box.api("POST", "/payments", payment_request(), key="attempt-2")

    assert first.headers["Idempotency-Key"] == again.headers["Idempotency-Key"] == "attempt-1"
    assert again.json() == first.json()
    assert other.json()["pspReference"] != first.json()["pspReference"]
    assert len(box.control("GET", "/adyen/payments")["payments"]) == 2
    log = box.control("GET", "/requests?gateway=adyen")["requests"]
    assert [entry.get("replayed", False) for entry in log] == [False, True, False]
    assert log[1]["mismatch"] is False


def test_same_key_with_another_body_is_replayed_and_noted(box: Box) -> None:
    first = box.api("POST", "/sessions", session_request(100), key="opening-1")
    again = box.api("POST", "/sessions", session_request(200), key="opening-1")

    assert again.json() == first.json()
    assert box.control("GET", "/requests")["requests"][1]["mismatch"] is True


def test_keys_of_two_merchant_accounts_do_not_meet(box: Box) -> None:
    ours = box.api("POST", "/sessions", session_request(), key="opening-1")
    body = session_request(merchantAccount="HarborToursUS")
    theirs = box.api("POST", "/sessions", body, key="opening-1", api_key="key-of-harbor")

    assert theirs.json()["id"] != ours.json()["id"]


def test_repeated_capture_request_captures_once(box: Box) -> None:
    psp_reference = box.authorized()
    body = {"merchantAccount": MERCHANT, "amount": {"currency": "EUR", "value": 12050}}

    answers = [box.api("POST", f"/payments/{psp_reference}/captures", body, key="capture-1") for _ in range(3)]

    assert {answer.json()["pspReference"] for answer in answers} == {answers[0].json()["pspReference"]}
    assert box.payment(psp_reference)["captured"] == 12050


def test_twin_of_a_request_in_progress_is_turned_away(box: Box) -> None:
    fault = {"gateway": "adyen", "operation": "payments", "fault": "slow", "seconds": 4}
    box.control("POST", "/faults", fault)
    answers: list[Any] = []
    first = threading.Thread(
        target=lambda: answers.append(box.api("POST", "/payments", payment_request(), key="attempt-1"))
    )
    first.start()
    wait_until(lambda: box.control("GET", "/adyen/payments")["payments"])

    twin = box.api("POST", "/payments", payment_request(), key="attempt-1")

    assert (twin.status_code, twin.json()["errorCode"]) == (422, "704")
    assert twin.headers["transient-error"] == "true"
    first.join(timeout=60)
    assert answers[0].json()["resultCode"] == "Authorised"
    again = box.api("POST", "/payments", payment_request(), key="attempt-1")
    assert again.json() == answers[0].json()


def test_overlong_key_is_malformed(box: Box) -> None:
    answer = box.api("POST", "/sessions", session_request(), key="k" * 65)

    assert answer.status_code == 400


def test_server_error_is_not_kept_under_the_key(box: Box) -> None:
    box.control("POST", "/faults", {"gateway": "adyen", "operation": "payments", "fault": "error"})

    failed = box.api("POST", "/payments", payment_request(), key="attempt-1")
    paid = box.api("POST", "/payments", payment_request(), key="attempt-1")

    assert (failed.status_code, failed.json()["errorType"]) == (500, "internal")
    assert paid.json()["resultCode"] == "Authorised"
