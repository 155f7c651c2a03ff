import base64
import hashlib
import hmac
import itertools
import json
from typing import Any

import pytest

from gateways.sandbox.adyen import notifications
from gateways.sandbox.adyen.processor import RETRY_WAITS
from tests.gateways.sandbox.conftest import HMAC_KEY, MERCHANT, Box, Receiver, wait_until
from tests.gateways.sandbox.specification import ADYEN, needs_specification


def fault(box: Box, name: str, **more: Any) -> None:
    box.control("POST", "/faults", {"gateway": "adyen", "operation": "webhook", "fault": name, **more})


def is_signed(item: dict[str, Any]) -> bool:
    amount = item["amount"]
    values = [item["pspReference"], item.get("originalReference", ""), item["merchantAccountCode"]]
    values += [item["merchantReference"], str(amount["value"]), amount["currency"], item["eventCode"], item["success"]]
    digest = hmac.new(bytes.fromhex(HMAC_KEY), ":".join(values).encode(), hashlib.sha256).digest()
    return bool(item["additionalData"]["hmacSignature"] == base64.b64encode(digest).decode())


@needs_specification
def test_published_signature_vectors_hold() -> None:
    vectors = json.loads((ADYEN / "hmac-vectors.json").read_text())
    assert len(vectors) >= 7
    for vector in vectors:
        if vector["scheme"] == "notification":
            found = notifications.signature(vector["item"], vector["hmacKeyHex"])
        else:
            found = notifications.payload_signature(vector["payload"].encode(), vector["hmacKeyHex"])
        assert found == vector["expected"], vector["name"]


def test_webhook_is_signed_has_basic_auth_and_comes_by_itself(box: Box, receiver: Receiver) -> None:
    psp_reference = box.authorized(reference="with:colon\\and/slash", metadata={"order": "17"})

    wait_until(receiver.items, what="the webhook")

    [delivery] = receiver.deliveries
    [item] = receiver.items()
    expected = base64.b64encode(b"adyen:a long password").decode()
    assert delivery["headers"]["Authorization"] == f"Basic {expected}"
    assert delivery["body"]["live"] == "false"
    assert item["pspReference"] == psp_reference
    assert item["additionalData"]["metadata.order"] == "17"
    assert is_signed(item)
    wait_until(lambda: box.control("GET", "/webhooks/idle") == {"pending": 0})
    [listed] = box.control("GET", "/webhooks")["webhooks"]
    assert (listed["status"], listed["event"], len(listed["attempts"])) == ("delivered", "AUTHORISATION", 1)


def test_webhook_is_repeated_until_it_is_accepted(box: Box, receiver: Receiver) -> None:
    receiver.statuses = [500, 401, 302]

    box.authorized()

    wait_until(receiver.items, what="the accepted delivery")
    assert [delivery["status"] for delivery in receiver.deliveries] == [500, 401, 302, 200]
    times = [delivery["at"] for delivery in receiver.deliveries]
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    # 9, 18 and 27 s at a hundredth of the real pace.
    assert [wait >= real / 100 for wait, real in zip(waits, RETRY_WAITS, strict=False)] == [True, True, True]
    [listed] = wait_until(lambda: box.control("GET", "/webhooks?status=delivered")["webhooks"])
    assert [attempt["status"] for attempt in listed["attempts"]] == [500, 401, 302, 200]


def test_retry_waits_are_adyens() -> None:
    minutes = [wait / 60 for wait in RETRY_WAITS[3:]]

    assert RETRY_WAITS[:3] == (9, 18, 27)
    assert minutes == [2, 5, 10, 15, 30, 60, 120, 240, 480]


def test_later_webhooks_queue_behind_an_endpoint_that_is_down(box: Box, receiver: Receiver) -> None:
    receiver.statuses = [500] * 4
    box.authorized()
    wait_until(lambda: len(receiver.deliveries) == 4, what="four refused attempts")

    box.authorized()

    listed = wait_until(lambda: box.control("GET", "/webhooks?status=pending")["webhooks"])
    assert [len(one["attempts"]) for one in listed] == [4, 0]
    assert listed[1]["next_at"] >= listed[0]["next_at"] - 0.001
    wait_until(lambda: len(receiver.items()) == 2, what="both deliveries")


def test_dropped_webhook_is_not_sent_until_it_is_resent(box: Box, receiver: Receiver) -> None:
    fault(box, "dropped")
    box.authorized()
    box.flush()
    assert receiver.deliveries == []
    [dropped] = box.control("GET", "/webhooks?status=dropped")["webhooks"]

    resent = box.control("POST", f"/webhooks/{dropped['id']}/resend")

    assert resent["status"] == "delivered"
    assert [is_signed(item) for item in receiver.items()] == [True]
    box.control("POST", "/webhooks/wh_999999/resend", status=404)


def test_delayed_webhook_is_late(box: Box, receiver: Receiver) -> None:
    fault(box, "delayed", seconds=2)

    box.authorized(1000)
    box.authorized(2000)

    wait_until(lambda: len(receiver.items()) == 2)
    assert [item["amount"]["value"] for item in receiver.items()] == [2000, 1000]


def test_doubled_webhook_comes_twice(box: Box, receiver: Receiver) -> None:
    fault(box, "doubled")

    box.authorized()

    box.flush()
    first_item, second_item = receiver.items()
    assert first_item == second_item


def test_reordered_webhook_waits_until_the_next_one_has_gone(box: Box, receiver: Receiver) -> None:
    fault(box, "reordered", match={"eventCode": "AUTHORISATION"})
    payment = box.authorized()
    body = {"merchantAccount": MERCHANT, "amount": {"currency": "EUR", "value": 12050}}

    box.api("POST", f"/payments/{payment}/captures", body)

    wait_until(lambda: len(receiver.items()) == 2)
    assert [item["eventCode"] for item in receiver.items()] == ["CAPTURE", "AUTHORISATION"]


def test_flush_delivers_a_held_webhook_that_nothing_follows(box: Box, receiver: Receiver) -> None:
    fault(box, "reordered")
    box.authorized()
    assert box.control("GET", "/webhooks/idle") == {"pending": 1}

    box.flush()

    assert len(receiver.items()) == 1


def test_wrongly_signed_webhook_is_sent_once_and_truly_when_resent(box: Box, receiver: Receiver) -> None:
    fault(box, "wrongly_signed")
    receiver.statuses = [401]
    box.authorized()
    box.flush()
    [refused] = box.control("GET", "/webhooks?status=refused")["webhooks"]
    assert [is_signed(item) for item in receiver.items(accepted=False)] == [False]

    box.control("POST", f"/webhooks/{refused['id']}/resend")

    assert [is_signed(item) for item in receiver.items()] == [True]


@pytest.mark.parametrize(
    ("name", "amount"),
    [
        ("wrong_amount", {"currency": "EUR", "value": 12150}),
        ("wrong_currency", {"currency": "USD", "value": 12050}),
    ],
)
def test_wrong_figure_is_rightly_signed(box: Box, receiver: Receiver, name: str, amount: dict[str, Any]) -> None:
    fault(box, name)

    box.authorized()

    box.flush()
    [item] = receiver.items()
    assert (item["amount"], is_signed(item)) == (amount, True)
    [money] = box.control("GET", "/money")["money"]
    assert (money["authorized"], money["currency"]) == (12050, "EUR")


def test_flush_can_send_what_was_lost(box: Box, receiver: Receiver) -> None:
    fault(box, "dropped", times=2)
    box.authorized(1000)
    box.authorized(2000)
    box.flush()
    assert receiver.items() == []

    result = box.control("POST", "/webhooks/flush", {"lost": True})

    assert result == {"delivered": 2, "pending": 0}
    assert sorted(item["amount"]["value"] for item in receiver.items()) == [1000, 2000]


def test_hand_made_notification_is_completed_and_signed(box: Box, receiver: Receiver) -> None:
    item = {
        "eventCode": "REPORT_AVAILABLE",
        "merchantAccountCode": MERCHANT,
        "pspReference": "settlement_detail_report_batch_42.csv",
        "reason": "https://example.com/settlement_detail_report_batch_42.csv",
    }

    sent = box.control("POST", "/webhooks/send", {"gateway": "adyen", "item": item})

    assert sent["status"] == "delivered"
    [received] = receiver.items()
    assert is_signed(received)
    assert received["pspReference"] == item["pspReference"]
    unsigned = {**item, "additionalData": {"hmacSignature": "wrong"}}
    box.control("POST", "/webhooks/send", {"gateway": "adyen", **unsigned})
    assert [is_signed(one) for one in receiver.items()] == [True, False]
    box.control(
        "POST",
        "/webhooks/send",
        {"gateway": "adyen", "eventCode": "CAPTURE", "merchantAccountCode": "Nobody"},
        status=422,
    )


def test_webhook_without_an_endpoint_is_kept_and_can_be_sent_later(box: Box, receiver: Receiver) -> None:
    box.control("PUT", f"/adyen/accounts/{MERCHANT}", {"webhook_url": ""})
    box.authorized()
    box.flush()
    [kept] = box.control("GET", "/webhooks")["webhooks"]
    assert kept["status"] == "no_endpoint"

    box.control("PUT", f"/adyen/accounts/{MERCHANT}", {"webhook_url": receiver.url})
    box.control("POST", "/webhooks/flush", {"lost": True})

    assert len(receiver.items()) == 1


def test_live_account_says_so(box: Box, receiver: Receiver) -> None:
    box.control("PUT", f"/adyen/accounts/{MERCHANT}", {"live": True})

    box.authorized()

    box.flush()
    assert receiver.deliveries[0]["body"]["live"] == "true"
