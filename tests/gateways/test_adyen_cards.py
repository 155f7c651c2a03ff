"""Cards charged at Adyen by their own details, and guests who come back from the bank, against a server as told."""

from dataclasses import replace
from typing import Any

import pytest

from gateways.errors import AnswerLost, ErrorCode, NotSent, Rejected
from gateways.protocol import OutcomeKind, Source
from money import Money
from tests.gateways.adyen_world import (
    ENCRYPTED_CARD,
    PAYMENT,
    PROOF,
    RAW_CARD,
    SHOPPER,
    adyen_at,
    card_request,
    proof_request,
    sample,
)
from tests.gateways.scripted_server import ScriptedServer, closed_port

K = OutcomeKind
ACTION = {"type": "redirect", "url": "https://acs.example.com/3ds", "method": "POST", "data": {"MD": "x"}}
REDIRECT = {"pspReference": PAYMENT, "resultCode": "RedirectShopper", "action": ACTION}


def authorised(**more: Any) -> dict[str, Any]:
    return {**sample("payment_authorised"), "merchantReference": "tx-2M9DKR7C", **more}


def test_an_encrypted_card_goes_on_as_it_came_with_all_that_the_bank_wants_to_know(server: ScriptedServer) -> None:
    server.answers(authorised())

    outcome = adyen_at(server.url).charge(card_request())

    assert outcome.kind is K.AUTHORIZED
    assert server.asked[0].headers["idempotency-key"] == "7c9e6679-7425-40de-944b-e07fc1f90ae7"
    assert server.asked[0].json == {
        "amount": {"currency": "EUR", "value": 9000},
        "merchantAccount": "ToursEU",
        "reference": "tx-2M9DKR7C",
        "returnUrl": "https://shop.example.com/return",
        "paymentMethod": {
            "type": "scheme",
            "encryptedCardNumber": "test_4111111111111111",
            "encryptedExpiryMonth": "test_03",
            "encryptedExpiryYear": "test_2030",
            "encryptedSecurityCode": "test_737",
            "holderName": "Ada Byron",
        },
        "shopperInteraction": "Ecommerce",
        "captureDelayHours": 0,
        "shopperIP": "192.0.2.7",
        "shopperEmail": "ada@example.com",
        "billingAddress": {
            "street": "Infinite Loop",
            "houseNumberOrName": "1",
            "city": "Cupertino",
            "postalCode": "95014",
            "country": "US",
            "stateOrProvince": "CA",
        },
        "channel": "Web",
        "origin": "https://shop.example.com",
        "browserInfo": {
            "userAgent": "Mozilla/5.0",
            "acceptHeader": "*/*",
            "language": "en-US",
            "colorDepth": 24,
            "screenHeight": 720,
            "screenWidth": 1536,
            "timeZoneOffset": -60,
            "javaEnabled": False,
            "javaScriptEnabled": True,
        },
        "authenticationData": {"threeDSRequestData": {"nativeThreeDS": "disabled"}},
    }


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"source": Source.MOTO}, {"shopperInteraction": "Moto"}),
        ({"source": Source.POS}, {"shopperInteraction": "POS"}),
        ({"captures_at_once": False}, {"additionalData": {"manualCapture": "true"}}),
        ({"shopper": None}, {"authenticationData": {"attemptAuthentication": "never"}}),
        ({"shopper": replace(SHOPPER, browser=None)}, {"authenticationData": {"attemptAuthentication": "never"}}),
        ({"return_url": ""}, {"authenticationData": {"attemptAuthentication": "never"}}),
    ],
)
def test_a_card_in_the_clear_is_charged_as_its_source_and_its_guest_allow(
    server: ScriptedServer, change: dict[str, Any], told: dict[str, Any]
) -> None:
    server.answers(authorised())

    adyen_at(server.url).charge(card_request(RAW_CARD, **change))

    body = server.asked[0].json
    assert body["paymentMethod"] == {
        "type": "scheme",
        "number": "4111111111111111",
        "expiryMonth": "03",
        "expiryYear": "2030",
        "cvc": "737",
        "holderName": "Ada Byron",
    }
    assert {name: body[name] for name in told} == told
    assert ("captureDelayHours" in body) is change.get("captures_at_once", True)


def test_what_is_not_known_of_a_card_is_not_sent(server: ScriptedServer) -> None:
    server.answers(authorised())

    adyen_at(server.url).charge(card_request(replace(ENCRYPTED_CARD, security_code="", holder_name=""), shopper=None))

    assert set(server.asked[0].json["paymentMethod"]) == {
        "type",
        "encryptedCardNumber",
        "encryptedExpiryMonth",
        "encryptedExpiryYear",
    }


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *dict.fromkeys(
            [("101", "INVALID_CARD_NUMBER"), ("102", "INVALID_CARD_NUMBER"), ("103", "INVALID_CARD_NUMBER")]
        ),
        ("153", "INVALID_CARD_NUMBER"),
        ("129", "INVALID_CARD_EXPIRY"),
        ("140", "INVALID_CARD_EXPIRY"),
        ("141", "INVALID_CARD_EXPIRY"),
        *[(code, "UNDEFINED_CARD_ERROR") for code in ("172", "173", "174", "175", "128", "131", "135", "190")],
    ],
)
def test_what_cannot_be_tried_is_a_refusal_of_the_card(server: ScriptedServer, code: str, expected: str) -> None:
    server.answers({"status": 422, "errorCode": code, "message": "No.", "errorType": "validation"}, status=422)

    outcome = adyen_at(server.url).charge(card_request())

    assert (outcome.kind, outcome.decline and outcome.decline.code) == (K.DECLINED, ErrorCode(expected))


@pytest.mark.parametrize(
    ("status", "code", "error"), [(403, "010", Rejected), (422, "130", Rejected), (500, "000", AnswerLost)]
)
def test_what_is_ours_to_mend_is_no_refusal(
    server: ScriptedServer, status: int, code: str, error: type[Exception]
) -> None:
    server.answers({"status": status, "errorCode": code, "message": "No.", "errorType": "security"}, status=status)

    with pytest.raises(error):
        adyen_at(server.url).charge(card_request(RAW_CARD))


def test_a_guest_who_must_prove_who_they_are_is_sent_to_the_bank(server: ScriptedServer) -> None:
    server.answers(REDIRECT)

    outcome = adyen_at(server.url).charge(card_request())

    assert (outcome.kind, outcome.reference.ours, outcome.reference.gateway) == (
        K.ACTION_REQUIRED,
        "tx-2M9DKR7C",
        None,
    )
    assert outcome.action is not None
    assert (outcome.action.url, outcome.action.method, outcome.action.fields) == (
        "https://acs.example.com/3ds",
        "POST",
        {"MD": "x"},
    )


class TestWhatTheGuestBringsBack:
    def test_is_asked_about_under_a_key_of_its_own(self, server: ScriptedServer) -> None:
        server.answers(authorised())

        (outcome,) = adyen_at(server.url).complete(proof_request())

        asked = server.asked[0]
        assert (asked.method, asked.target) == ("POST", "/adyen/v72/payments/details")
        assert asked.headers["idempotency-key"] == "tx-2M9DKR7C-0a1b2c3d4e5f60718293"
        assert asked.json == {"details": PROOF}
        assert outcome.kind is K.AUTHORIZED
        assert outcome.event_key == f"AUTHORISATION:{outcome.reference.gateway}:true"

    @pytest.mark.parametrize("proof", [{"made": "up"}, {"paymentData": "Ab02"}, {"redirectResult": "x", "number": "4"}])
    def test_is_not_sent_where_no_bank_gave_it_out(self, proof: dict[str, str]) -> None:
        with pytest.raises(Rejected, match="no proof"):
            adyen_at("http://127.0.0.1:9").complete(proof_request(proof=proof))

    def test_decides_no_payment_but_its_own(self, server: ScriptedServer) -> None:
        server.answers(authorised(merchantReference="tx-OTHER", amount={"currency": "EUR", "value": 100}))

        (outcome,) = adyen_at(server.url).complete(proof_request())

        assert (outcome.kind, outcome.reference.ours, outcome.money) == (K.AUTHORIZED, "tx-OTHER", Money(100, "EUR"))

    @pytest.mark.parametrize(
        ("said", "problem"),
        [
            ({"merchantReference": "tx-OTHER", "amount": None}, pytest.raises(Rejected, match="another payment")),
            ({"merchantReference": None}, pytest.raises(AnswerLost, match="which payment")),
        ],
    )
    def test_whose_answer_does_not_say_enough_decides_nothing(
        self, server: ScriptedServer, said: dict[str, Any], problem: Any
    ) -> None:
        server.answers(authorised(**said))

        with problem:
            adyen_at(server.url).complete(proof_request())

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (
                authorised(resultCode="Refused", refusalReason="3D Not Authenticated", refusalReasonCode="11"),
                K.DECLINED,
            ),
            (authorised(resultCode="Received"), K.PENDING),
            ({**REDIRECT, "merchantReference": "tx-2M9DKR7C"}, K.ACTION_REQUIRED),
        ],
    )
    def test_may_decide_it_either_way_or_not_at_all(
        self, server: ScriptedServer, answer: dict[str, Any], kind: OutcomeKind
    ) -> None:
        server.answers(answer)

        (outcome,) = adyen_at(server.url).complete(proof_request())

        assert outcome.kind is kind

    @pytest.mark.parametrize("answer", [{}, {"resultCode": "Authorised"}, {"pspReference": PAYMENT}])
    def test_is_unknown_where_the_answer_does_not_say(self, server: ScriptedServer, answer: dict[str, Any]) -> None:
        server.answers(answer)

        with pytest.raises(AnswerLost):
            adyen_at(server.url).complete(proof_request())

    def test_is_not_sent_where_nobody_listens(self) -> None:
        with closed_port() as url, pytest.raises(NotSent):
            adyen_at(url).complete(proof_request())


@pytest.mark.parametrize("thing", [ENCRYPTED_CARD, RAW_CARD, SHOPPER, card_request(RAW_CARD), proof_request()])
def test_nothing_of_a_card_or_its_guest_shows_in_a_text(thing: object) -> None:
    shown = f"{thing!r} {thing}"

    for secret in ("4111", "737", "Ada", "192.0.2.7", "Mozilla", "Cupertino", "X6Xtf"):
        assert secret not in shown
