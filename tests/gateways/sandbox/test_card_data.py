"""No card number and no security code in the state, the log, the control answers or the request log."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from gateways.sandbox.scrub import mask, scrub
from tests.gateways.sandbox.conftest import MERCHANT, Box, payment_request

NUMBER, SPACED, SECURITY_CODE = "4988438843884305", "4988 4388 4388 4305", "737"
CARD: dict[str, Any] = {
    "number": SPACED,
    "expiryMonth": "03",
    "expiryYear": "2030",
    "cvc": SECURITY_CODE,
    "holderName": "Ada Vos",
}


def test_card_data_rests_nowhere(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite3"
    box = Box(tmp_path, state=state)
    session = box.new_session()
    box.pay(session["id"], **{**CARD, "number": NUMBER[:-1] + "6"}, status=422)
    box.pay(session["id"], **{**CARD, "holderName": NUMBER})
    raw = payment_request(
        paymentMethod={"type": "scheme", **CARD},
        storePaymentMethod=True,
        shopperReference="guest-17",
        recurringProcessingModel="CardOnFile",
    )
    box.api("POST", "/payments", raw, key="attempt-1")
    encrypted = {
        "encryptedCardNumber": f"test_{NUMBER}",
        "encryptedExpiryMonth": "test_03",
        "encryptedExpiryYear": "test_2030",
        "encryptedSecurityCode": f"test_{SECURITY_CODE}",
    }
    box.api("POST", "/payments", {**raw, "paymentMethod": {"type": "scheme", **encrypted}}, key="attempt-2")
    box.api("POST", "/payments", {**raw, "paymentMethod": {"type": "scheme", **CARD, "pan": NUMBER}})
    box.api("POST", "/payments", {**raw, "amount": SPACED, "reference": f"card {NUMBER}"}, key=NUMBER)
    box.api("POST", "/payments", {**raw, "paymentMethod": [NUMBER]})
    paths = ("/requests", "/adyen/payments", "/webhooks", "/money", f"/adyen/sessions/{session['id']}")
    shown = [box.http.get(f"{box.url}/control{path}").text for path in paths]
    assert all(len(text) > 20 for text in shown)
    assert box.stop() == 0

    with sqlite3.connect(state) as connection:
        rows = [str(row) for row in connection.execute("SELECT * FROM documents")]
    assert any(MERCHANT in row for row in rows)
    files = [path.read_bytes().decode("latin-1") for path in tmp_path.iterdir()]
    for text in [*shown, *rows, *files]:
        assert NUMBER not in text
        assert SPACED not in text
        assert f'"cvc": "{SECURITY_CODE}"' not in text
        assert f"test_{SECURITY_CODE}" not in text


@pytest.mark.parametrize(
    "text", [NUMBER, SPACED, f"my card is {NUMBER}!", "4988-4388-4388-4305", "4988.4388.4388.4305"]
)
def test_number_in_free_text_is_masked(text: str) -> None:
    assert "4305" not in mask(text)
    assert "[hidden]" in mask(text)


def test_other_digits_stay() -> None:
    assert mask("order 2026112100017, phone +31 20 123 4567") == "order 2026112100017, phone +31 20 123 4567"
    assert scrub({"amount": {"value": 12050}, "cvc": "737", "list": [NUMBER, 5]}) == {
        "amount": {"value": 12050},
        "cvc": "[hidden]",
        "list": ["[hidden]", 5],
    }
