from typing import Any

import pytest

from tests.gateways.sandbox.conftest import MERCHANT, Box, Receiver


def modify(box: Box, psp_reference: str, verb: str, value: int | None = None, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"merchantAccount": MERCHANT, **more}
    if value is not None:
        body["amount"] = {"currency": "EUR", "value": value}
    answer = box.api("POST", f"/payments/{psp_reference}/{verb}", body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == "received"
    assert answer.json()["paymentPspReference"] == psp_reference
    return dict(answer.json())


def told(box: Box, receiver: Receiver, event: str) -> list[tuple[str, str, int]]:
    box.flush()
    return [(item["pspReference"], item["success"], item["amount"]["value"]) for item in receiver.items(event)]


def money(box: Box) -> tuple[int, int, int, int, int]:
    [row] = box.control("GET", "/money")["money"]
    assert (row["gateway"], row["merchantAccount"], row["currency"]) == ("adyen", MERCHANT, "EUR")
    names = ("authorized", "captured", "refunded", "cancelled", "charged_back")
    return tuple(row[name] for name in names)


def test_capture_and_two_refunds_are_told_with_their_own_references(box: Box, receiver: Receiver) -> None:
    payment = box.authorized(10000)

    capture = modify(box, payment, "captures", 10000, reference="cap-1")
    refunds = [modify(box, payment, "refunds", value, reference=f"re-{value}") for value in (2500, 7500)]

    assert capture["reference"] == "cap-1"
    assert told(box, receiver, "CAPTURE") == [(capture["pspReference"], "true", 10000)]
    assert sorted(told(box, receiver, "REFUND")) == sorted(
        [(refunds[0]["pspReference"], "true", 2500), (refunds[1]["pspReference"], "true", 7500)]
    )
    assert {item["originalReference"] for item in receiver.items("REFUND")} == {payment}
    assert {item["merchantReference"] for item in receiver.items()} == {"cp_7Qm2"}
    assert money(box) == (10000, 10000, 10000, 0, 0)


def test_partial_capture_releases_the_rest(box: Box, receiver: Receiver) -> None:
    payment = box.authorized(10000)

    modify(box, payment, "captures", 6000)
    modify(box, payment, "captures", 1000)

    assert [success for _, success, _ in sorted(told(box, receiver, "CAPTURE"), key=lambda one: -one[2])] == [
        "true",
        "false",
    ]
    assert money(box) == (10000, 6000, 0, 0, 0)


def test_several_partial_captures_where_the_account_has_them(box: Box) -> None:
    box.control("PUT", f"/adyen/accounts/{MERCHANT}", {"multiple_partial_captures": True})
    payment = box.authorized(10000)

    modify(box, payment, "captures", 6000)
    modify(box, payment, "captures", 4000)

    assert money(box) == (10000, 10000, 0, 0, 0)


def test_too_large_capture_and_refund_are_refused_by_webhook(box: Box, receiver: Receiver) -> None:
    payment = box.authorized(10000)

    modify(box, payment, "captures", 10001)
    modify(box, payment, "captures", 10000)
    modify(box, payment, "refunds", 10001)

    box.flush()
    failed = [item for item in receiver.items() if item["success"] == "false"]
    assert {(item["eventCode"], item["reason"]) for item in failed} == {
        ("CAPTURE", "Insufficient balance on payment"),
        ("REFUND", "Insufficient balance on payment"),
    }
    assert money(box) == (10000, 10000, 0, 0, 0)


def test_refund_before_capture_is_refused_by_webhook(box: Box, receiver: Receiver) -> None:
    payment = box.authorized(10000)

    refund = modify(box, payment, "refunds", 100)

    assert told(box, receiver, "REFUND") == [(refund["pspReference"], "false", 100)]


def test_cancel_works_once_and_not_after_capture(box: Box, receiver: Receiver) -> None:
    payment = box.authorized(10000)
    first = modify(box, payment, "cancels", reference="void-1")
    second = modify(box, payment, "cancels")
    modify(box, payment, "captures", 100)

    found = {reference: success for reference, success, _ in told(box, receiver, "CANCELLATION")}

    assert found == {first["pspReference"]: "true", second["pspReference"]: "false"}
    assert [success for _, success, _ in told(box, receiver, "CAPTURE")] == ["false"]
    assert money(box) == (10000, 0, 0, 10000, 0)


def test_cancel_by_our_reference(box: Box, receiver: Receiver) -> None:
    box.pay(box.new_session(10000)["id"], holderName="DECLINED")
    payment = box.authorized(10000)

    answer = box.api("POST", "/cancels", {"merchantAccount": MERCHANT, "paymentReference": "cp_7Qm2"})
    unknown = box.api("POST", "/cancels", {"merchantAccount": MERCHANT, "paymentReference": "cp_none"})

    assert (answer.status_code, unknown.status_code) == (201, 201)
    box.flush()
    items = {item["pspReference"]: item for item in receiver.items("TECHNICAL_CANCEL")}
    assert items[answer.json()["pspReference"]]["success"] == "true"
    assert items[answer.json()["pspReference"]]["originalReference"] == payment
    assert items[unknown.json()["pspReference"]]["success"] == "false"
    assert money(box) == (10000, 0, 0, 10000, 0)


@pytest.mark.parametrize(("captured", "action"), [(False, "cancel"), (True, "refund")])
def test_reversal_cancels_or_refunds(box: Box, receiver: Receiver, captured: bool, action: str) -> None:
    payment = box.authorized(10000, **({"captureDelayHours": 0} if captured else {}))

    reversal = modify(box, payment, "reversals")

    assert told(box, receiver, "CANCEL_OR_REFUND") == [(reversal["pspReference"], "true", 10000)]
    assert receiver.items("CANCEL_OR_REFUND")[0]["additionalData"]["modification.action"] == action
    assert money(box) == ((10000, 10000, 10000, 0, 0) if captured else (10000, 0, 0, 10000, 0))


def test_amount_update_changes_what_can_be_captured(box: Box, receiver: Receiver) -> None:
    payment = box.authorized(10000)

    update = modify(box, payment, "amountUpdates", 12000)
    modify(box, payment, "captures", 12000)

    assert told(box, receiver, "AUTHORISATION_ADJUSTMENT") == [(update["pspReference"], "true", 12000)]
    assert money(box) == (12000, 12000, 0, 0, 0)


def test_capture_failed_by_holder_name_takes_the_capture_back(box: Box, receiver: Receiver) -> None:
    payment = box.authorized(10000, holder="capture failed")

    capture = modify(box, payment, "captures", 10000)

    assert told(box, receiver, "CAPTURE") == [(capture["pspReference"], "true", 10000)]
    assert told(box, receiver, "CAPTURE_FAILED") == [(capture["pspReference"], "true", 10000)]
    assert receiver.items("CAPTURE")[0]["eventDate"] < receiver.items("CAPTURE_FAILED")[0]["eventDate"]
    assert money(box) == (10000, 0, 0, 0, 0)

    box.control("POST", f"/adyen/payments/{payment}/recapture")

    assert told(box, receiver, "CAPTURE")[1:] == [(capture["pspReference"], "true", 10000)]
    assert receiver.items("CAPTURE")[1]["reason"] == "Transaction Recaptured"
    assert money(box) == (10000, 10000, 0, 0, 0)


def test_capture_failed_strikes_an_immediate_capture_too(box: Box, receiver: Receiver) -> None:
    box.authorized(10000, holder="capture failed", captureDelayHours=0)

    assert [success for _, success, _ in told(box, receiver, "CAPTURE_FAILED")] == ["true"]
    assert money(box) == (10000, 0, 0, 0, 0)


def test_refund_failed_by_holder_name_takes_the_refund_back(box: Box, receiver: Receiver) -> None:
    payment = box.authorized(10000, holder="refund failed", captureDelayHours=0)

    refund = modify(box, payment, "refunds", 4000)

    assert told(box, receiver, "REFUND") == [(refund["pspReference"], "true", 4000)]
    assert told(box, receiver, "REFUND_FAILED") == [(refund["pspReference"], "true", 4000)]
    assert money(box) == (10000, 10000, 0, 0, 0)


def test_unknown_or_foreign_payment_cannot_be_modified(box: Box) -> None:
    payment = box.authorized(10000)
    body = {"merchantAccount": MERCHANT, "amount": {"currency": "EUR", "value": 1}}

    unknown = box.api("POST", "/payments/AAAAAAAAAAAAAAAA/captures", body)
    foreign = box.api(
        "POST",
        f"/payments/{payment}/captures",
        {**body, "merchantAccount": "HarborToursUS"},
        api_key="key-of-harbor",
    )
    nothing = box.api("POST", f"/payments/{payment}/captures", {**body, "amount": {"currency": "EUR", "value": 0}})

    assert [(one.status_code, one.json()["errorCode"]) for one in (unknown, foreign, nothing)] == [
        (422, "167"),
        (422, "167"),
        (422, "137"),
    ]
    assert money(box) == (10000, 0, 0, 0, 0)


def test_back_office_refund_capture_and_cancel_are_told(box: Box, receiver: Receiver) -> None:
    payment, canceled = box.authorized(10000), box.authorized(5000)

    box.control("POST", f"/adyen/payments/{payment}/capture", {"amount": 9000})
    refund = box.control("POST", f"/adyen/payments/{payment}/refund", {"amount": {"currency": "EUR", "value": 2000}})
    rest = box.control("POST", f"/adyen/payments/{payment}/refund")
    box.control("POST", f"/adyen/payments/{canceled}/cancel")

    assert sorted(told(box, receiver, "REFUND")) == sorted(
        [(refund["pspReference"], "true", 2000), (rest["pspReference"], "true", 7000)]
    )
    assert money(box) == (15000, 9000, 9000, 5000, 0)


def test_chargeback_reversed_and_lost_again(box: Box, receiver: Receiver) -> None:
    payment = box.authorized(10000, captureDelayHours=0)
    path = f"/adyen/payments/{payment}"
    box.control("POST", f"{path}/chargeback_reversed", status=422)

    first = box.control("POST", f"{path}/chargeback", {"amount": 6000, "reason": "10.4:Other fraud"})
    assert money(box) == (10000, 10000, 0, 0, 6000)
    reversed_ = box.control("POST", f"{path}/chargeback_reversed")
    assert money(box) == (10000, 10000, 0, 0, 0)
    again = box.control("POST", f"{path}/second_chargeback")
    assert money(box) == (10000, 10000, 0, 0, 6000)

    assert first["pspReference"] == reversed_["pspReference"] == again["pspReference"]
    box.flush()
    # In whichever order they arrive, and within one second they have one date.
    assert sorted(item["eventCode"] for item in receiver.items() if item["eventCode"] != "AUTHORISATION") == [
        "CHARGEBACK",
        "CHARGEBACK_REVERSED",
        "NOTIFICATION_OF_CHARGEBACK",
        "SECOND_CHARGEBACK",
    ]
    assert {item["amount"]["value"] for item in receiver.items("CHARGEBACK")} == {6000}
    assert receiver.items("CHARGEBACK")[0]["reason"] == "10.4:Other fraud"
    assert receiver.items("CHARGEBACK")[0]["additionalData"]["capturePspReference"]


def test_returned_refund_gives_the_money_back(box: Box, receiver: Receiver) -> None:
    payment = box.authorized(10000, captureDelayHours=0)
    refund = modify(box, payment, "refunds", 4000)

    box.control("POST", f"/adyen/payments/{payment}/refunded_reversed")

    assert told(box, receiver, "REFUNDED_REVERSED") == [(refund["pspReference"], "true", 4000)]
    assert money(box) == (10000, 10000, 0, 0, 0)
