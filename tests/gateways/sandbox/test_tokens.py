"""The life of a stored card, told as Adyen tells it: a webhook of its own, signed as a whole in a header."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from tests.gateways.sandbox.conftest import HMAC_KEY, MERCHANT, Box, Receiver, wait_until
from tests.gateways.sandbox.specification import token_webhook_problems

STORING: dict[str, Any] = {
    "shopperReference": "guest-17",
    "storePaymentMethod": True,
    "recurringProcessingModel": "UnscheduledCardOnFile",
}


@pytest.fixture
def telling(box: Box, receiver: Receiver) -> Box:
    """An account that has asked for news of tokens."""
    box.control("PUT", f"/adyen/accounts/{MERCHANT}", {"token_webhooks": True})
    return box


def news(receiver: Receiver) -> list[dict[str, Any]]:
    return [delivery["body"] for delivery in receiver.deliveries if "notificationItems" not in delivery["body"]]


def test_a_token_is_told_from_its_making_to_its_end(telling: Box, receiver: Receiver) -> None:
    paid = telling.authorized(**STORING)
    again = telling.authorized(**STORING)
    (token,) = telling.control("GET", "/adyen/tokens?shopperReference=guest-17")["tokens"]
    telling.control("POST", f"/adyen/tokens/{token['id']}/renew")
    telling.control("POST", f"/adyen/tokens/{token['id']}/disable")
    telling.control("POST", "/webhooks/flush")
    wait_until(lambda: len(news(receiver)) == 4, what="the four webhooks")

    told = sorted(news(receiver), key=lambda body: body["type"])
    assert [body["type"].rsplit(".", 1)[1] for body in told] == ["alreadyExisting", "created", "disabled", "updated"]
    assert {body["data"]["storedPaymentMethodId"] for body in told} == {token["id"]}
    assert (told[0]["eventId"], told[1]["eventId"]) == (again, paid)
    assert not {paid, again} & {told[2]["eventId"], told[3]["eventId"]}
    assert [token_webhook_problems(body) for body in told] == [[]] * 4
    assert telling.control("GET", "/adyen/tokens")["tokens"] == []


def test_it_is_signed_over_the_body_as_sent_and_spoiled_by_a_fault(telling: Box, receiver: Receiver) -> None:
    telling.authorized(**STORING)
    (token,) = telling.control("GET", "/adyen/tokens")["tokens"]
    telling.control("POST", "/webhooks/flush")
    telling.control("POST", "/faults", {"gateway": "adyen", "operation": "webhook", "fault": "wrongly_signed"})
    telling.control("POST", f"/adyen/tokens/{token['id']}/disable")
    telling.control("POST", "/webhooks/flush")
    wait_until(lambda: len(news(receiver)) == 2, what="both webhooks")

    signed = []
    for delivery in receiver.deliveries:
        if "notificationItems" not in delivery["body"]:
            body = json.dumps(delivery["body"], ensure_ascii=False, separators=(",", ":")).encode()
            digest = base64.b64encode(hmac.new(bytes.fromhex(HMAC_KEY), body, hashlib.sha256).digest()).decode()
            headers = {name.lower(): value for name, value in delivery["headers"].items()}
            signed.append((delivery["body"]["type"], headers["hmacsignature"] == digest))
    assert signed == [("recurring.token.created", True), ("recurring.token.disabled", False)]


def test_an_account_that_did_not_ask_is_told_nothing(box: Box, receiver: Receiver) -> None:
    box.authorized(**STORING)
    box.control("POST", "/webhooks/flush")
    wait_until(receiver.items, what="the webhook of the payment")

    assert news(receiver) == []
