"""What Adyen is asked, and what becomes of its answers, against a server that answers as told."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gateways.adapters.adyen.gateway import AdyenGateway
from gateways.adapters.adyen.refusals import REFUSALS
from gateways.errors import AnswerLost, Busy, ErrorCode, MisconfiguredAccount, NotSent, Rejected, Unsupported
from gateways.protocol import Card, Outcome, OutcomeKind, RevokeCardRequest, Source
from money import Money
from tests.gateways.adyen_world import (
    API_KEY,
    EVIDENCE,
    PAYMENT,
    SESSION,
    TOKEN,
    adyen_at,
    capture_request,
    charge_request,
    complete_request,
    credentials,
    item,
    open_request,
    refund_request,
    sample,
    signed,
    void_request,
)
from tests.gateways.scripted_server import ScriptedServer

K = OutcomeKind


def test_a_sale_opens_a_session_that_captures_at_once(server: ScriptedServer) -> None:
    server.answers(sample("session_created"), status=201)

    opened = adyen_at(server.url).open(
        open_request(expires_at=datetime(2026, 11, 21, 10, 30, tzinfo=timezone(timedelta(hours=1))))
    )

    (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", "/adyen/v72/sessions")
    assert asked.headers["x-api-key"] == API_KEY
    assert asked.headers["idempotency-key"] == "0f8fad5b-d9cb-469f-a165-70867728950e"
    assert asked.json == {
        "amount": {"currency": "EUR", "value": 9000},
        "merchantAccount": "ToursEU",
        "reference": "op-7Q2KMX4H",
        "returnUrl": "https://shop.example.com/return",
        "channel": "Web",
        "shopperInteraction": "Ecommerce",
        "expiresAt": "2026-11-21T09:30:00Z",
        "captureDelayHours": 0,
        "countryCode": "GB",
        "shopperLocale": "en-GB",
    }
    assert opened.gateway_reference == SESSION
    assert opened.expires_at == datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    assert opened.client["session"] == {"id": SESSION, "sessionData": "Ab02b4c0!BQABAgCJ4opaque"}
    assert (opened.client["environment"], opened.client["clientKey"]) == ("test", "test_CLIENTKEY")
    assert opened.raw["sessionData"] == "***"


def test_an_authorization_is_kept_from_being_captured_by_the_accounts_default(server: ScriptedServer) -> None:
    server.answers(sample("session_created"), status=201)

    adyen_at(server.url).open(open_request(captures_at_once=False))

    body = server.asked[0].json
    assert "captureDelayHours" not in body
    assert body["additionalData"] == {"manualCapture": "true"}


@pytest.mark.parametrize(("channel", "told"), [("web", "Web"), ("ios", "iOS"), ("ANDROID", "Android")])
def test_channels_are_spelled_as_adyen_spells_them(server: ScriptedServer, channel: str, told: str) -> None:
    server.answers(sample("session_created"), status=201)

    adyen_at(server.url).open(open_request(channel=channel, source=Source.MOTO))

    assert server.asked[0].json["channel"] == told
    assert server.asked[0].json["shopperInteraction"] == "Moto"


def test_a_card_is_stored_only_with_the_guests_consent_and_a_shopper_reference(server: ScriptedServer) -> None:
    server.answers(sample("session_created"), status=201)
    adyen = adyen_at(server.url)

    adyen.open(open_request(stores_card=True, shopper_reference="c-1204"))
    adyen.open(open_request(stores_card=True))

    asking, silent = (asked.json for asked in server.asked)
    assert (asking["storePaymentMethodMode"], asking["recurringProcessingModel"]) == (
        "askForConsent",
        "UnscheduledCardOnFile",
    )
    assert "storePaymentMethodMode" not in silent


@pytest.mark.parametrize(
    ("change", "what"),
    [({"channel": "Fax"}, "channel"), ({"money": Money(100, "BIF")}, "BIF"), ({"money": Money(150, "IDR")}, "IDR")],
    ids=str,
)
def test_what_adyen_could_not_understand_is_not_sent(server: ScriptedServer, change: dict[str, Any], what: str) -> None:
    with pytest.raises(Rejected, match=what):
        adyen_at(server.url).open(open_request(**change))

    assert server.asked == []


@pytest.mark.parametrize(
    "change",
    [{"id": "../payments"}, {"sessionData": None}, {"amount": {"currency": "EUR", "value": 1}}, {"reference": "op-X"}],
    ids=str,
)
def test_a_session_for_something_else_is_no_session(server: ScriptedServer, change: dict[str, Any]) -> None:
    server.answers({**sample("session_created"), **change}, status=201)

    with pytest.raises(AnswerLost):
        adyen_at(server.url).open(open_request())


def test_a_hosted_session_is_paid_at_its_address_which_is_kept_from_the_books(server: ScriptedServer) -> None:
    url = "https://test.adyen.link/CSHOSTED"
    server.answers({**sample("session_created"), "sessionData": None, "mode": "hosted", "url": url}, status=201)

    opened = adyen_at(server.url).open(open_request(is_hosted=True))

    assert server.asked[0].json["mode"] == "hosted"
    assert (opened.redirect_url, opened.client) == (url, {})
    assert url not in repr(opened)
    assert not {"url", "returnUrl"} & set(opened.raw)


@pytest.mark.parametrize("url", [None, "", "javascript:alert(1)", 7])
def test_a_hosted_session_without_an_address_is_no_session(server: ScriptedServer, url: Any) -> None:
    server.answers({**sample("session_created"), "url": url}, status=201)

    with pytest.raises(AnswerLost):
        adyen_at(server.url).open(open_request(is_hosted=True))


def test_a_stored_card_is_charged_by_phone_as_the_guests_own_use_of_it(server: ScriptedServer) -> None:
    server.answers(sample("payment_authorised"))

    adyen_at(server.url).charge(charge_request(source=Source.MOTO))

    (asked,) = server.asked
    assert (asked.json["shopperInteraction"], asked.json["recurringProcessingModel"]) == ("Moto", "CardOnFile")


def test_a_stored_card_is_charged_without_the_guest(server: ScriptedServer) -> None:
    server.answers(sample("payment_authorised"))

    outcome = adyen_at(server.url).charge(charge_request())

    (asked,) = server.asked
    assert (asked.target, asked.headers["idempotency-key"]) == (
        "/adyen/v72/payments",
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    )
    assert asked.json["paymentMethod"] == {"type": "scheme", "storedPaymentMethodId": TOKEN}
    assert asked.json["shopperInteraction"] == "ContAuth"
    assert asked.json["recurringProcessingModel"] == "UnscheduledCardOnFile"
    assert (asked.json["shopperReference"], asked.json["captureDelayHours"]) == ("c-1204", 0)
    assert outcome.kind is K.AUTHORIZED
    assert outcome.money == Money(9000, "EUR")
    assert outcome.card == Card(
        brand="mc",
        last4="4444",
        bin="555555",
        expiry_month=3,
        expiry_year=2030,
        token=TOKEN,
        shopper_reference="c-1204",
    )


def test_the_answer_the_webhook_and_the_result_of_a_session_share_one_key(server: ScriptedServer) -> None:
    adyen = adyen_at(server.url)
    server.answers({**sample("payment_authorised"), "pspReference": PAYMENT})
    answer = adyen.charge(charge_request())
    server.answers(sample("session_completed"))
    (poll,) = adyen.complete(complete_request())
    (webhook,) = adyen.read_webhook(signed(item(pspReference=PAYMENT)))

    assert answer.event_key == poll.event_key == webhook.event_key
    assert {answer.kind, poll.kind, webhook.kind} == {K.AUTHORIZED}


@pytest.mark.parametrize("code", range(47))
def test_every_refusal_code_is_a_decline_with_adyens_words_for_staff(server: ScriptedServer, code: int) -> None:
    text, expected = REFUSALS[str(code)]
    answer = {**sample("payment_refused"), "refusalReasonCode": str(code), "refusalReason": text}
    server.answers(answer)

    outcome = adyen_at(server.url).charge(charge_request())

    assert outcome.kind is K.DECLINED
    assert outcome.decline is not None
    assert (outcome.decline.code, outcome.decline.raw_code, outcome.decline.raw_text) == (expected, str(code), text)


@pytest.mark.parametrize(
    ("result", "code", "expected"),
    [
        ("Refused", "12", ErrorCode.CREDIT_LIMIT_EXCEEDED),
        ("Refused", "6", ErrorCode.INVALID_CARD_EXPIRY),
        ("Refused", "24", ErrorCode.INVALID_CARD_NUMBER),
        ("Refused", "99", ErrorCode.TRANSACTION_DECLINED),
        ("Cancelled", "", ErrorCode.TRANSACTION_DECLINED),
        ("Error", "4", ErrorCode.PROCESSOR_UNAVAILABLE),
        ("Error", "99", ErrorCode.UNDEFINED_CARD_ERROR),
    ],
)
def test_refusals_known_and_new(server: ScriptedServer, result: str, code: str, expected: ErrorCode) -> None:
    server.answers({"pspReference": PAYMENT, "resultCode": result, "refusalReasonCode": code})

    outcome = adyen_at(server.url).charge(charge_request())

    assert outcome.decline is not None
    assert outcome.decline.code is expected


@pytest.mark.parametrize("result", ["Received", "Pending", "PresentToShopper", "AuthenticationFinished", "Brandnew"])
def test_what_is_neither_yes_nor_no_is_pending(server: ScriptedServer, result: str) -> None:
    server.answers({"pspReference": PAYMENT, "resultCode": result})

    assert adyen_at(server.url).charge(charge_request()).kind is K.PENDING


def test_a_part_authorized_is_told_with_its_own_amount(server: ScriptedServer) -> None:
    part = {"currency": "EUR", "value": 4000}
    server.answers({"pspReference": PAYMENT, "resultCode": "PartiallyAuthorised", "amount": part})

    outcome = adyen_at(server.url).charge(charge_request())

    assert (outcome.kind, outcome.money) == (K.AUTHORIZED, Money(4000, "EUR"))


def test_a_redirect_for_the_guest_is_an_action(server: ScriptedServer) -> None:
    action = {"type": "redirect", "url": "https://acs.example.com/3ds", "method": "POST", "data": {"MD": "x"}}
    server.answers({"pspReference": PAYMENT, "resultCode": "RedirectShopper", "action": action})

    outcome = adyen_at(server.url).charge(charge_request())

    assert outcome.kind is K.ACTION_REQUIRED
    assert outcome.action is not None
    assert (outcome.action.url, outcome.action.method) == ("https://acs.example.com/3ds", "POST")
    assert "action" not in outcome.raw


@pytest.mark.parametrize("status", [400, 422])
def test_a_card_that_cannot_be_tried_is_declined(server: ScriptedServer, status: int) -> None:
    server.answers(sample("payment_unprocessable"), status=status)

    outcome = adyen_at(server.url).charge(charge_request())

    assert outcome.kind is K.DECLINED
    assert outcome.reference.gateway == "T7FD4VM4D3RZNN82"
    assert outcome.decline is not None
    assert (outcome.decline.code, outcome.decline.raw_code) == (ErrorCode.INVALID_CARD_EXPIRY, "140")


def said(call: Any) -> str:
    try:
        outcome = call()
    except (AnswerLost, NotSent, Rejected) as problem:
        return type(problem).__name__
    return str(outcome.kind) if isinstance(outcome, Outcome) else "done"


@pytest.mark.parametrize(
    ("status", "code", "meaning"),
    [
        (400, "702", "Refused"),
        (422, "130", "Refused"),
        (422, "704", "AnswerLost"),
        (409, "704", "AnswerLost"),
        (409, "", "AnswerLost"),
        (408, "", "AnswerLost"),
        (404, "", "NotFound"),
        (401, "000", "KeyRefused"),
        (403, "901", "KeyRefused"),
        (429, "", "Busy"),
        (500, "905", "Rejected"),
        (500, "000", "AnswerLost"),
        (503, "", "AnswerLost"),
    ],
)
def test_errors_mean_for_money_what_they_must(server: ScriptedServer, status: int, code: str, meaning: str) -> None:
    server.answers({"status": status, "errorCode": code, "message": "No.", "errorType": "validation"}, status=status)
    adyen = adyen_at(server.url)

    for call in (
        lambda: adyen.open(open_request()),
        lambda: adyen.charge(charge_request()),
        lambda: adyen.capture(capture_request()),
        lambda: adyen.void(void_request()),
        lambda: adyen.refund(refund_request()),
    ):
        assert said(call) == meaning
    assert issubclass(Busy, NotSent)


def test_a_charge_that_brings_no_card_is_none() -> None:
    with pytest.raises(Unsupported, match="by its token or its details"):
        adyen_at("http://127.0.0.1:9").charge(charge_request(card_token=None))


def test_there_is_nothing_to_fetch() -> None:
    with pytest.raises(Unsupported, match="repeat the identical call"):
        adyen_at("http://127.0.0.1:9").fetch(None)  # type: ignore[arg-type]


def test_a_session_result_is_asked_for_with_everything_quoted(server: ScriptedServer) -> None:
    server.answers(sample("session_completed"))

    (outcome,) = adyen_at(server.url).complete(complete_request())

    target = urlsplit(server.asked[0].target)
    assert target.path == f"/adyen/v72/sessions/{SESSION}"
    assert parse_qs(target.query) == {"sessionResult": [EVIDENCE]}
    assert "+" not in target.query
    assert outcome.reference.opening == SESSION
    assert outcome.money == Money(9000, "EUR")


@pytest.mark.parametrize("session", ["../storedPaymentMethods?x=", "CS1/../payments", "CS", "", "CS12345678?a=b"])
def test_a_session_id_cannot_lead_elsewhere(server: ScriptedServer, session: str) -> None:
    with pytest.raises(Rejected):
        adyen_at(server.url).complete(complete_request(opening_reference=session))

    assert server.asked == []


def test_nobody_is_asked_without_evidence(server: ScriptedServer) -> None:
    with pytest.raises(Rejected):
        adyen_at(server.url).complete(complete_request(evidence=""))

    assert server.asked == []


@pytest.mark.parametrize(
    ("status", "kinds"),
    [
        ("active", []),
        ("paymentPending", [K.PENDING]),
        ("completed", [K.PENDING]),
        ("refused", [K.DECLINED]),
        ("canceled", [K.EXPIRED]),
        ("expired", [K.EXPIRED]),
        ("somethingNew", [K.PENDING]),
    ],
)
def test_a_session_without_payments_says_how_it_stands(
    server: ScriptedServer, status: str, kinds: list[OutcomeKind]
) -> None:
    server.answers({"id": SESSION, "status": status})

    outcomes = adyen_at(server.url).complete(complete_request())

    assert [outcome.kind for outcome in outcomes] == kinds
    assert {outcome.reference.gateway for outcome in outcomes} <= {None}


@pytest.mark.parametrize(
    "change",
    [
        {"id": "CS00000000000000"},
        {"reference": "op-OTHER"},
        {"status": None},
        {"payments": [{"resultCode": "Authorised"}]},
    ],
    ids=str,
)
def test_a_result_about_another_session_is_no_word(server: ScriptedServer, change: dict[str, Any]) -> None:
    server.answers({**sample("session_completed"), **change})

    with pytest.raises(AnswerLost):
        adyen_at(server.url).complete(complete_request())


def test_modifications_are_received_and_wait_for_their_webhook(server: ScriptedServer) -> None:
    server.answers(sample("refund_received"), status=201)
    adyen = adyen_at(server.url)

    outcomes = [
        adyen.capture(capture_request()),
        adyen.void(void_request()),
        adyen.void(void_request(may_be_captured=True)),
        adyen.refund(refund_request()),
    ]

    assert [asked.target.rsplit("/", 1)[1] for asked in server.asked] == ["captures", "cancels", "reversals", "refunds"]
    assert {asked.target.rsplit("/", 1)[0] for asked in server.asked} == {f"/adyen/v72/payments/{PAYMENT}"}
    assert server.asked[3].json == {
        "merchantAccount": "ToursEU",
        "reference": "tx-9W4TB6NE",
        "amount": {"currency": "EUR", "value": 3000},
    }
    assert {outcome.kind for outcome in outcomes} == {K.PENDING}
    assert {outcome.reference.gateway for outcome in outcomes} == {"WS8MZ2RFJGXXGN82"}
    assert [outcome.event_key for outcome in outcomes] == [
        f"{code}:WS8MZ2RFJGXXGN82:received" for code in ("CAPTURE", "CANCELLATION", "CANCEL_OR_REFUND", "REFUND")
    ]


@pytest.mark.parametrize(
    "change", [{"status": "done"}, {"pspReference": ""}, {"paymentPspReference": "AAAAAAAAAAAAAAAA"}]
)
def test_a_modification_of_something_else_is_no_word(server: ScriptedServer, change: dict[str, Any]) -> None:
    server.answers({**sample("refund_received"), **change}, status=201)

    with pytest.raises(AnswerLost):
        adyen_at(server.url).refund(refund_request())


def test_a_payment_reference_cannot_lead_elsewhere(server: ScriptedServer) -> None:
    with pytest.raises(Rejected):
        adyen_at(server.url).refund(refund_request(payment_reference="X/../../sessions"))

    assert server.asked == []


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (204, b"", "done"),
        (404, b"", "done"),
        (422, {"errorCode": "800", "message": "Contract not found"}, "done"),
        (422, {"errorCode": "180", "message": "Invalid shopperReference"}, "Refused"),
    ],
)
def test_deleting_a_card_that_is_gone_is_fine(server: ScriptedServer, status: int, body: Any, meaning: str) -> None:
    server.answers(body, status=status)
    request = RevokeCardRequest(card_token=TOKEN, shopper_reference="c-1204 & co")

    assert said(lambda: adyen_at(server.url).revoke_card(request)) == meaning

    target = urlsplit(server.asked[0].target)
    assert (server.asked[0].method, target.path) == ("DELETE", f"/adyen/v72/storedPaymentMethods/{TOKEN}")
    assert parse_qs(target.query) == {"merchantAccount": ["ToursEU"], "shopperReference": ["c-1204 & co"]}


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"api_key": ""}, ("api_key",)),
        ({"hmac_keys": " , "}, ("hmac_keys",)),
        ({"hmac_keys": "XYZ"}, ("hmac_keys",)),
        ({"environment": "LIVE"}, ("environment",)),
        ({"environment": "live", "checkout_base_url": ""}, ("live_prefix",)),
        ({"timeout_seconds": "soon"}, ("timeout_seconds",)),
        ({"timeout_seconds": "0"}, ("timeout_seconds",)),
        ({"timeout_seconds": "nan"}, ("timeout_seconds",)),
        ({"timeout_seconds": "12.5"}, ("timeout_seconds",)),
    ],
    ids=str,
)
def test_a_missing_or_unreadable_credential_closes_the_door(change: dict[str, str], missing: tuple[str, ...]) -> None:
    given = {**credentials("http://127.0.0.1:9"), **change}

    assert AdyenGateway.missing_credentials(given) == missing
    with pytest.raises(MisconfiguredAccount, match=missing[0]):
        AdyenGateway(given)


def test_live_calls_go_to_the_accounts_own_address() -> None:
    gateway = AdyenGateway(
        {**credentials(""), "checkout_base_url": "", "environment": "live", "live_prefix": "1797a841fbb37ca7-Tours"}
    )
    checkout = gateway._checkout
    client = checkout.payments.client

    assert client._determine_api_url(client.platform, f"{checkout.payments.baseUrl}/sessions") == (
        "https://1797a841fbb37ca7-Tours-checkout-live.adyenpayments.com/checkout/v72/sessions"
    )
