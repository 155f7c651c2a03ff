from typing import Any

import pytest

from tests.gateways.sandbox.conftest import MERCHANT, OTHER_MERCHANT, Box, payment_request, session_request

REMOVED = object()


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"amount": REMOVED}, 422, "100"),
        ({"reference": REMOVED}, 422, "130"),
        ({"reference": "x" * 81}, 422, "130"),
        ({"returnUrl": REMOVED}, 422, "14_030"),
        ({"amount": {"currency": "XXX", "value": 1}}, 422, "138"),
        ({"amount": {"value": 1}}, 422, "138"),
        ({"amount": {"currency": "EUR"}}, 422, "137"),
        ({"amount": {"currency": "EUR", "value": -1}}, 422, "137"),
        ({"amount": {"currency": "EUR", "value": 1.5}}, 400, "702"),
        ({"amount": {"currency": "EUR", "value": "100"}}, 400, "702"),
        ({"amount": {"currency": "EUR", "value": 1, "extra": 1}}, 400, "702"),
        ({"shopperInteraction": "MOTO"}, 400, "702"),
        ({"captureDelayHours": 673}, 422, "164"),
        ({"captureDelayHours": True}, 400, "702"),
        ({"metadata": {"k": "v" * 81}}, 422, "177"),
        ({"metadata": {"k" * 21: "v"}}, 422, "177"),
        ({"metadata": {str(number): "v" for number in range(21)}}, 422, "177"),
        ({"shopperReference": "ab"}, 422, "180"),
        ({"billingAddress": {"city": "Utrecht"}}, 422, "132"),
        ({"billingAddress": {"street": "Oudegracht"}}, 422, "131"),
        ({"nonsense": 1}, 400, "702"),
        ({"shopperName": {"firstName": "Ada", "lastName": "Vos", "middleName": "B."}}, 400, "702"),
        ({"merchantAccount": REMOVED}, 403, "901"),
        ({"merchantAccount": OTHER_MERCHANT}, 403, "901"),
    ],
)
@pytest.mark.parametrize("path", ["/sessions", "/payments"])
def test_request_that_adyen_would_refuse_is_refused(
    box: Box, path: str, change: dict[str, Any], status: int, code: str
) -> None:
    whole = {**(session_request() if path == "/sessions" else payment_request()), **change}
    body = {name: value for name, value in whole.items() if value is not REMOVED}

    answer = box.api("POST", path, body)

    assert (answer.status_code, answer.json()["errorCode"]) == (status, code)
    assert answer.json()["status"] == status
    assert box.control("GET", "/adyen/payments") == {"payments": []}


@pytest.mark.parametrize("api_key", [None, "", "wrong"])
def test_unknown_api_key_is_unauthorized(box: Box, api_key: str | None) -> None:
    answer = box.api("POST", "/sessions", session_request(), api_key=api_key)

    body = answer.json()
    assert (answer.status_code, body["errorCode"], body["errorType"]) == (401, "000", "security")


def test_body_that_is_not_json_is_malformed(box: Box) -> None:
    headers = {"X-API-Key": "key-of-fernweg"}
    for body in ("{", "[]", "", '"text"'):
        answer = box.http.post(f"{box.url}/adyen/v72/sessions", data=body, headers=headers)

        assert (answer.status_code, answer.json()["errorCode"]) == (400, "702")


def test_origin_has_no_path(box: Box) -> None:
    good = box.api("POST", "/payments", payment_request(origin="https://example.com:8443"))
    bad = box.api("POST", "/payments", payment_request(origin="https://example.com/"))

    assert (good.status_code, bad.status_code) == (200, 422)


def test_currencies_count_as_adyen_counts_them(box: Box) -> None:
    for currency in ("JPY", "KWD", "ISK", "CLP", "IDR", "EUR"):
        box.new_session(5000, currency)

    page = box.http.get(f"{box.url}/adyen/pay/{box.new_session(5000, 'JPY')['id']}").text
    dinar = box.http.get(f"{box.url}/adyen/pay/{box.new_session(5000, 'KWD')['id']}").text
    krona = box.http.get(f"{box.url}/adyen/pay/{box.new_session(5000, 'ISK')['id']}").text

    assert "JPY 5,000<" in page
    assert "KWD 5.000<" in dinar
    assert "ISK 50.00<" in krona


def test_account_without_secrets_is_shown_and_can_be_changed_while_running(box: Box) -> None:
    box.control("PUT", f"/adyen/accounts/{MERCHANT}", {"capture_delay_hours": 0})

    shown = {one["merchant_account"]: one for one in box.control("GET", "/adyen/accounts")["accounts"]}

    assert shown[MERCHANT]["capture_delay_hours"] == 0
    assert shown[MERCHANT]["api_key"] == shown[MERCHANT]["hmac_key"] == "[hidden]"
    assert box.payment(box.authorized())["captured"] == 12050
    box.control("PUT", f"/adyen/accounts/{MERCHANT}", {"hmac_key": "no hex"}, status=400)
