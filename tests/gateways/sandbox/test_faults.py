import time
from typing import Any

import pytest
import requests

from tests.gateways.sandbox.conftest import MERCHANT, Box, payment_request, session_request


def fault(box: Box, name: str, operation: str = "sessions", **more: Any) -> Any:
    return box.control("POST", "/faults", {"gateway": "adyen", "operation": operation, "fault": name, **more})


@pytest.mark.parametrize(("name", "status"), [("error", 500), ("unavailable", 503), ("in_progress", 409)])
def test_error_answers_have_adyens_form_and_nothing_is_done(box: Box, name: str, status: int) -> None:
    fault(box, name, "payments")

    failed = box.api("POST", "/payments", payment_request())
    after = box.api("POST", "/payments", payment_request())

    assert (failed.status_code, failed.json()["status"]) == (status, status)
    assert (failed.headers.get("transient-error") == "true") is (name == "in_progress")
    assert after.status_code == 200
    assert len(box.control("GET", "/adyen/payments")["payments"]) == 1


def test_garbage_is_a_success_without_json(box: Box) -> None:
    fault(box, "garbage")

    answer = box.api("POST", "/sessions", session_request())

    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_reset_breaks_the_connection_before_anything_is_done(box: Box) -> None:
    fault(box, "reset", "payments")

    with pytest.raises(requests.ConnectionError):
        box.api("POST", "/payments", payment_request(), key="attempt-1")

    assert box.control("GET", "/adyen/payments") == {"payments": []}


def test_lost_answer_comes_after_the_work_and_is_found_again_by_its_key(box: Box) -> None:
    fault(box, "answer_lost", "payments")

    with pytest.raises(requests.ConnectionError):
        box.api("POST", "/payments", payment_request(), key="attempt-1")
    [payment] = box.control("GET", "/adyen/payments")["payments"]
    again = box.api("POST", "/payments", payment_request(), key="attempt-1")

    assert again.json()["pspReference"] == payment["pspReference"]
    assert len(box.control("GET", "/adyen/payments")["payments"]) == 1


def test_hang_never_answers_and_does_nothing(box: Box) -> None:
    fault(box, "hang", "payments", seconds=60)
    started = time.monotonic()

    with pytest.raises(requests.Timeout):
        box.api("POST", "/payments", payment_request(), timeout=0.3)
    assert time.monotonic() - started < 30
    fault(box, "hang", "payments", seconds=0.2)
    with pytest.raises(requests.ConnectionError):
        box.api("POST", "/payments", payment_request())

    assert box.control("GET", "/adyen/payments") == {"payments": []}


def test_slow_answer_is_right_and_late(box: Box) -> None:
    fault(box, "slow", "payments", seconds=0.5)
    started = time.monotonic()

    answer = box.api("POST", "/payments", payment_request())

    assert time.monotonic() - started >= 0.5
    assert answer.json()["resultCode"] == "Authorised"


@pytest.mark.parametrize(
    ("operation", "method", "path"),
    [
        ("sessions", "POST", "/sessions"),
        ("session_result", "GET", "/sessions/CS123"),
        ("payments", "POST", "/payments"),
        ("payment_details", "POST", "/payments/details"),
        ("capture", "POST", "/payments/AAAAAAAAAAAAAAAA/captures"),
        ("cancel", "POST", "/payments/AAAAAAAAAAAAAAAA/cancels"),
        ("cancel", "POST", "/cancels"),
        ("refund", "POST", "/payments/AAAAAAAAAAAAAAAA/refunds"),
        ("reversal", "POST", "/payments/AAAAAAAAAAAAAAAA/reversals"),
        ("*", "POST", "/paymentMethods"),
    ],
)
def test_fault_strikes_its_operation_only(box: Box, operation: str, method: str, path: str) -> None:
    fault(box, "unavailable", operation)

    if operation != "*":
        other = box.api("POST", "/paymentMethods", {"merchantAccount": MERCHANT})
        assert other.status_code == 200
    struck = box.api(method, path, {"merchantAccount": MERCHANT} if method == "POST" else None)
    after = box.api(method, path, {"merchantAccount": MERCHANT} if method == "POST" else None)

    assert struck.status_code == 503
    assert after.status_code != 503


def test_times_and_match_limit_a_fault_and_delete_ends_it(box: Box) -> None:
    fault(box, "unavailable", times=2, match="cp_unlucky")
    fault(box, "error", "payments", times=-1, match={"reference": "cp_other"})

    lucky = box.api("POST", "/sessions", session_request())
    unlucky = [box.api("POST", "/sessions", session_request(reference="cp_unlucky")).status_code for _ in range(3)]
    others = [box.api("POST", "/payments", payment_request(reference="cp_other")).status_code for _ in range(3)]
    left = [one["times"] for one in box.control("GET", "/faults")["faults"]]
    box.control("DELETE", "/faults")

    assert lucky.status_code == 201
    assert unlucky == [503, 503, 201]
    assert others == [500, 500, 500]
    assert left == [0, -1]
    assert box.api("POST", "/payments", payment_request(reference="cp_other")).status_code == 200


@pytest.mark.parametrize(
    "wish",
    [
        {"gateway": "nobody", "operation": "sessions", "fault": "error"},
        {"gateway": "adyen", "operation": "nothing", "fault": "error"},
        {"gateway": "adyen", "operation": "sessions", "fault": "dropped"},
        {"gateway": "adyen", "operation": "webhook", "fault": "hang"},
        {"gateway": "adyen", "operation": "sessions", "fault": "error", "times": 0},
        {"gateway": "adyen", "operation": "sessions", "fault": "slow", "seconds": "2"},
        {"gateway": "adyen", "operation": "sessions", "fault": "slow", "second": 2},
    ],
)
def test_senseless_fault_is_refused(box: Box, wish: dict[str, Any]) -> None:
    answer = box.control("POST", "/faults", wish, status=400)

    assert answer["error"]
    assert box.control("GET", "/faults") == {"faults": []}
