import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.gateways.sandbox.conftest import MERCHANT, VISA, Box, Receiver, payment_request
from tests.gateways.sandbox.specification import ADYEN, needs_specification

REFUSALS = {
    "UNKNOWN": ("Error", "0"),
    "DECLINED": ("Refused", "2"),
    "REFERRAL": ("Refused", "3"),
    "ERROR": ("Error", "4"),
    "BLOCK_CARD": ("Refused", "5"),
    "CARD_EXPIRED": ("Refused", "6"),
    "INVALID_AMOUNT": ("Refused", "7"),
    "INVALID_CARD_NUMBER": ("Refused", "8"),
    "ISSUER_UNAVAILABLE": ("Refused", "9"),
    "NOT_SUPPORTED": ("Refused", "10"),
    "NOT_3D_AUTHENTICATED": ("Refused", "11"),
    "NOT_ENOUGH_BALANCE": ("Refused", "12"),
    "ACQUIRER_FRAUD": ("Refused", "14"),
    "CANCELLED": ("Refused", "15"),
    "SHOPPER_CANCELLED": ("Refused", "16"),
    "INVALID_PIN": ("Refused", "17"),
    "PIN_TRIES_EXCEEDED": ("Refused", "18"),
    "PIN_VALIDATION_NOT_POSSIBLE": ("Refused", "19"),
    "FRAUD": ("Refused", "20"),
    "NOT_SUBMITTED": ("Refused", "21"),
    "FRAUD_CANCELLED": ("Cancelled", "22"),
    "TRANSACTION_NOT_PERMITTED": ("Refused", "23"),
    "CVC_DECLINED": ("Refused", "24"),
    "RESTRICTED_CARD": ("Refused", "25"),
    "REVOCATION_OF_AUTH": ("Refused", "26"),
    "DECLINED_NON_GENERIC": ("Refused", "27"),
    "WITHDRAWAL_AMOUNT_EXCEEDED": ("Refused", "28"),
    "WITHDRAWAL_COUNT_EXCEEDED": ("Refused", "29"),
    "ISSUER_SUSPECTED_FRAUD": ("Refused", "31"),
    "AVS_DECLINED": ("Refused", "32"),
    "PIN_REQUIRED": ("Refused", "33"),
    "NO_CHECKING_ACCOUNT": ("Refused", "34"),
    "NO_SAVINGS_ACCOUNT": ("Refused", "35"),
    "MOBILE_PIN_REQUIRED": ("Refused", "36"),
    "CONTACTLESS_FALLBACK": ("Refused", "37"),
    "AUTHENTICATION_REQUIRED": ("Refused", "38"),
    "RREQ_NOT_RECEIVED": ("Refused", "39"),
    "BAN_CURRENT_AID": ("Refused", "40"),
    "CVM_REQUIRED": ("Refused", "41"),
    "THREED_SECURE_ERROR": ("Refused", "42"),
    "ONLINE_PIN_REQUIRED": ("Refused", "43"),
    "TRY_ANOTHER_INTERFACE": ("Refused", "44"),
    "CHIP_DOWNGRADE_MODE": ("Refused", "45"),
    "ERPS_BLOCK": ("Refused", "46"),
}


def pay(box: Box, *, key: str | None = None, card: dict[str, Any] | None = None, **more: Any) -> Any:
    body = payment_request(**more)
    body["paymentMethod"] = {"type": "scheme", **(VISA if card is None else card)}
    return box.api("POST", "/payments", body, key=key)


@pytest.mark.parametrize(("holder", "expected"), REFUSALS.items())
def test_holder_name_brings_about_its_refusal(
    box: Box, receiver: Receiver, holder: str, expected: tuple[str, str]
) -> None:
    answer = pay(box, card={**VISA, "holderName": holder})

    body = answer.json()
    assert answer.status_code == 200
    assert (body["resultCode"], body["refusalReasonCode"]) == expected
    assert body["refusalReason"]
    box.flush()
    [item] = receiver.items("AUTHORISATION")
    assert (item["success"], item["reason"]) == ("false", body["refusalReason"])
    assert box.payment(body["pspReference"])["authorized"] == 0


def test_raw_acquirer_answer_can_be_chosen_with_the_refusal(box: Box) -> None:
    body = pay(box, card={**VISA, "holderName": "DECLINED : 06 : ERROR"}).json()

    assert (body["resultCode"], body["refusalReasonCode"]) == ("Refused", "2")
    assert body["additionalData"]["refusalReasonRaw"] == "06 : ERROR"


def test_requested_acquirer_code_outranks_the_holder_name(box: Box) -> None:
    body = pay(box, additionalData={"RequestedTestAcquirerResponseCode": "12"}).json()

    assert (body["resultCode"], body["refusalReasonCode"]) == ("Refused", "12")


def test_partial_approval_authorizes_half(box: Box) -> None:
    body = pay(box, card={**VISA, "holderName": "PARTIALLY_APPROVED"}).json()

    assert (body["resultCode"], body["refusalReasonCode"]) == ("Authorised", "30")
    assert body["amount"] == {"currency": "EUR", "value": 6025}
    assert box.payment(body["pspReference"])["authorized"] == 6025


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"number": "4111 1111 1111 1112"}, "101"),
        ({"number": ""}, "101"),
        ({"number": "4111x"}, "101"),
        ({"number": "9999 9999 9999 9995"}, "102"),
        ({"cvc": "73"}, "103"),
        ({"cvc": ""}, "103"),
        ({"cvc": "73x"}, "153"),
        ({"expiryYear": "2020"}, "129"),
        ({"expiryMonth": "13"}, "140"),
        ({"expiryMonth": ""}, "140"),
        ({"expiryYear": "x"}, "141"),
    ],
)
def test_impossible_card_details_are_refused_before_anybody_is_asked(
    box: Box, change: dict[str, str], code: str
) -> None:
    answer = pay(box, card={**VISA, **change})

    assert (answer.status_code, answer.json()["errorCode"]) == (422, code)
    assert box.control("GET", "/adyen/payments") == {"payments": []}


@pytest.mark.parametrize("change", [{"cvc": "111"}, {"expiryMonth": "04"}, {"expiryYear": "2031"}])
def test_wrong_code_or_expiry_is_a_generic_refusal(box: Box, change: dict[str, str]) -> None:
    body = pay(box, card={**VISA, **change}).json()

    assert (body["resultCode"], body["refusalReasonCode"]) == ("Refused", "2")


def test_card_that_is_no_test_card_is_refused(box: Box) -> None:
    body = pay(box, card={**VISA, "number": "4242 4242 4242 4242"}).json()

    assert (body["resultCode"], body["refusalReasonCode"]) == ("Refused", "8")


@pytest.mark.parametrize(
    ("number", "cvc", "brand"),
    [
        ("5555 5555 5555 4444", "737", "mc"),
        ("3700 0000 0000 002", "7373", "amex"),
        ("6011 6011 6011 6611", "737", "discover"),
    ],
)
def test_other_brands_pay(box: Box, number: str, cvc: str, brand: str) -> None:
    body = pay(box, card={**VISA, "number": number, "cvc": cvc}).json()

    assert (body["resultCode"], body["paymentMethod"]["brand"]) == ("Authorised", brand)


@needs_specification
def test_every_published_test_card_pays_or_asks_for_3ds(box: Box) -> None:
    groups = json.loads((ADYEN / "adyen-test-cards.json").read_text())
    wrong = []
    for card in [card for group in groups for card in group["items"]]:
        month, year = card["expiry"].split("/")
        fields = {
            "number": card["cardnumber"],
            "expiryMonth": month,
            "expiryYear": f"20{year}",
            "holderName": "Ada Vos",
        }
        if card["CVC"] != "n/a":
            fields["cvc"] = card["CVC"]
        body = pay(box, card=fields).json()
        expected = "RedirectShopper" if card.get("secure3DS") else "Authorised"
        if body.get("resultCode") != expected:
            wrong.append((card["cardnumber"], body))
    assert wrong == []


def test_test_prefix_stands_for_encryption(box: Box) -> None:
    fields = {
        "encryptedCardNumber": "test_4111111111111111",
        "encryptedExpiryMonth": "test_03",
        "encryptedExpiryYear": "test_2030",
        "encryptedSecurityCode": "test_737",
        "holderName": "Ada Vos",
    }

    paid = pay(box, card=fields)
    unreadable = pay(box, card={**fields, "encryptedCardNumber": "adyenjs_0_1_25$AAAA"})

    assert paid.json()["resultCode"] == "Authorised"
    assert (unreadable.status_code, unreadable.json()["errorCode"]) == (422, "174")


def test_raw_cards_can_be_forbidden_per_account_and_guests_still_type_theirs_into_sessions(box: Box) -> None:
    box.control("PUT", f"/adyen/accounts/{MERCHANT}", {"raw_cards": False})

    answer = pay(box)

    assert (answer.status_code, answer.json()["errorCode"]) == (403, "010")
    assert box.pay(box.new_session()["id"])["resultCode"] == "Authorised"


def test_a_card_that_was_encrypted_too_long_ago_is_said_so(box: Box) -> None:
    answer = pay(box, card={"encryptedCardNumber": "expired_4111111111111111"})

    assert (answer.status_code, answer.json()["errorCode"]) == (422, "172")


@pytest.mark.parametrize(("password", "expected"), [("password", ("Authorised", None)), ("guess", ("Refused", "11"))])
def test_3ds_card_goes_to_the_issuer_and_comes_back(
    box: Box, receiver: Receiver, password: str, expected: tuple[str, str | None]
) -> None:
    first = pay(box, card={**VISA, "number": "4917 6100 0000 0000"}).json()
    assert first["resultCode"] == "RedirectShopper"
    assert first["action"]["type"] == "redirect"
    assert "is it you" in box.http.get(first["action"]["url"]).text

    back = box.http.post(first["action"]["url"], data={"password": password}, allow_redirects=False)

    assert back.status_code == 303
    location = urlsplit(back.headers["Location"])
    query = parse_qs(location.query)
    assert (location.netloc, query["booking"]) == ("example.com", ["17"])
    box.flush()
    assert receiver.items() == []
    body = {"details": {"redirectResult": query["redirectResult"][0]}}
    answer = box.api("POST", "/payments/details", body)
    assert (answer.json()["resultCode"], answer.json().get("refusalReasonCode")) == expected
    assert answer.json()["pspReference"] == first["pspReference"]
    assert box.api("POST", "/payments/details", body).status_code == 422
    box.flush()
    assert [item["pspReference"] for item in receiver.items("AUTHORISATION")] == [first["pspReference"]]


def test_moto_and_stored_cards_skip_the_challenge(box: Box) -> None:
    card = {**VISA, "number": "4917 6100 0000 0000"}

    moto = pay(box, card=card, shopperInteraction="Moto").json()
    never = pay(box, card=card, authenticationData={"attemptAuthentication": "never"}).json()
    always = pay(box, authenticationData={"attemptAuthentication": "always"}).json()

    assert [moto["resultCode"], never["resultCode"], always["resultCode"]] == [
        "Authorised",
        "Authorised",
        "RedirectShopper",
    ]


def test_stored_card_is_charged_for_its_own_shopper_only_and_can_be_deleted(box: Box) -> None:
    storing: dict[str, Any] = {"shopperReference": "guest-17", "recurringProcessingModel": "CardOnFile"}
    first = pay(box, storePaymentMethod=True, **storing).json()
    token = first["additionalData"]["tokenization.storedPaymentMethodId"]
    assert first["additionalData"]["tokenization.store.operationType"] == "created"
    charge: dict[str, Any] = {"card": {"storedPaymentMethodId": token}, "shopperInteraction": "ContAuth"}

    charged = pay(box, **charge, **storing)
    stranger = pay(box, **charge, **{**storing, "shopperReference": "guest-18"})
    refused = pay(box, card={"storedPaymentMethodId": token, "holderName": "DECLINED"}, **storing)

    assert charged.json()["resultCode"] == "Authorised"
    assert charged.json()["additionalData"]["cardSummary"] == "1111"
    assert (stranger.status_code, stranger.json()["errorCode"]) == (422, "803")
    assert refused.json()["resultCode"] == "Refused"
    methods = box.api("POST", "/paymentMethods", {"merchantAccount": MERCHANT, "shopperReference": "guest-17"}).json()
    assert [one["id"] for one in methods["storedPaymentMethods"]] == [token]
    query = {"merchantAccount": MERCHANT, "shopperReference": "guest-17"}
    assert box.api("DELETE", f"/storedPaymentMethods/{token}", query=query).status_code == 204
    assert pay(box, **charge, **storing).status_code == 422


def test_card_can_be_stored_without_paying(box: Box, receiver: Receiver) -> None:
    body = {
        "merchantAccount": MERCHANT,
        "shopperReference": "guest-17",
        "recurringProcessingModel": "UnscheduledCardOnFile",
        "paymentMethod": {"type": "scheme", **VISA},
    }

    answer = box.api("POST", "/storedPaymentMethods", body)

    assert answer.status_code == 201
    assert answer.json()["lastFour"] == "1111"
    assert box.control("GET", "/money") == {"money": []}


def test_other_payment_methods_are_not_supported(box: Box) -> None:
    answer = pay(box, card={"type": "ideal"})

    assert (answer.status_code, answer.json()["errorCode"]) == (500, "905")
