"""What CardGate is asked, and what becomes of its answers, against a server that answers as told."""

import base64
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from gateways.adapters.cardgate.calls import json_text
from gateways.adapters.cardgate.gateway import CardgateGateway
from gateways.adapters.cardgate.refusals import RESOLUTIONS, decline_of
from gateways.adapters.cardgate.wire import money_of
from gateways.errors import AnswerLost, Busy, ErrorCode, MisconfiguredAccount, NotSent, Rejected, Unsupported
from gateways.protocol import Capability, OutcomeKind, Reference, RevokeCardRequest
from money import Money
from tests.gateways.cardgate_world import (
    ACCOUNT,
    API_KEY,
    INSTANT,
    INVOICE,
    SALE_TOKEN,
    TOKEN,
    cardgate_at,
    charge_request,
    charged,
    credentials,
    instant,
    invoice,
    listed,
    open_request,
    paths,
    sample,
)
from tests.gateways.examples import NOW
from tests.gateways.scripted_server import ScriptedServer

K = OutcomeKind
API, SALE = "/cardgate/payment-invoices", "/cardgate/payment/sale"
DUPLICATE, UNKNOWN_TOKEN = sample("duplicate_reference"), sample("unknown_token")


def test_an_invoice_is_asked_for_in_exact_decimals(server: ScriptedServer) -> None:
    server.answers(sample("invoice_created"), status=201)

    opened = cardgate_at(server.url, callback_url="https://pay.example.com/webhooks/cardgate-eu/").open(open_request())

    (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", API)
    assert asked.headers["authorization"] == "Basic " + base64.b64encode(f"{ACCOUNT}:{API_KEY}".encode()).decode()
    assert b'"amount":90.00,' in asked.body
    assert asked.json == {
        "data": {
            "type": "payment-invoices",
            "attributes": {
                "test_mode": True,
                "reference_id": "op-7Q2KMX4H",
                "amount": 90.0,
                "currency": "EUR",
                "service": "payment_card_eur_hpp",
                "flow": "charge",
                "expires": int((NOW + timedelta(minutes=30)).timestamp()),
                "callback_url": "https://pay.example.com/webhooks/cardgate-eu/",
                "return_url": "https://shop.example.com/return",
                "return_urls": dict.fromkeys(("success", "pending", "fail"), "https://shop.example.com/return"),
                "locale": "en",
            },
        }
    }
    assert opened.gateway_reference == INVOICE
    assert opened.expires_at == NOW + timedelta(minutes=30)
    assert opened.client == {
        "invoiceId": INVOICE,
        "action": "https://checkout.example.com/hpp/cgi_M3xWq9LtB6yVd2Zk",
        "method": "GET",
        "params": {},
    }
    assert opened.redirect_url == ""
    assert set(opened.client) == set(CardgateGateway.partner_talk.gives)


def test_nothing_open_is_told_as_nulls() -> None:
    settings = cardgate_at("http://127.0.0.1:9").client_settings(money=Money(9000, "EUR"), country_code="DE")

    assert settings == {"invoiceId": None, "action": None, "method": None, "params": None}


@pytest.mark.parametrize(
    ("changes", "page"),
    [
        ({}, "https://checkout.example.com/hpp/cgi_M3xWq9LtB6yVd2Zk"),
        ({"hpp_url": "https://pay.example.com/hpp/?cpi=1"}, "https://pay.example.com/hpp/?cpi=1"),
    ],
)
def test_a_hosted_page_is_a_link(server: ScriptedServer, changes: dict[str, Any], page: str) -> None:
    server.answers(invoice("invoice_created", **changes), status=201)

    assert cardgate_at(server.url).open(open_request(is_hosted=True)).redirect_url == page


@pytest.mark.parametrize(
    "changes",
    [
        {"flow_data": []},
        {"flow_data": {"action": "javascript:alert(1)", "method": "GET"}},
        {"flow_data": {"action": "https://checkout.example.com/", "method": "POST", "params": {"a": "b"}}},
        {"amount": 90.01},
        {"currency": "USD"},
        {"reference_id": "op-OTHER"},
        {"status": ...},
    ],
    ids=str,
)
def test_an_answer_about_something_else_opens_nothing(server: ScriptedServer, changes: dict[str, Any]) -> None:
    server.answers(invoice("invoice_created", **changes), status=201)

    with pytest.raises(AnswerLost):
        cardgate_at(server.url).open(open_request(is_hosted=True))


def test_a_card_is_kept_or_filled_in_for_its_customer_only(server: ScriptedServer) -> None:
    server.answers(sample("invoice_created"), status=201)
    cardgate = cardgate_at(server.url)

    cardgate.open(open_request(stores_card=True, shopper_reference="c-1204", email="ada@example.com"))
    cardgate.open(open_request(stores_card=True))
    cardgate.open(open_request(card_token=TOKEN, shopper_reference="c-1204"))

    keeping, nobody, filled = (asked.json["data"]["attributes"] for asked in server.asked)
    assert keeping["gateway_options"] == {"cardgate": {"tokenize": True}}
    assert keeping["customer"] == {"reference_id": "c-1204", "email": "ada@example.com"}
    assert "gateway_options" not in nobody
    assert (filled["token"], filled["customer"]) == (TOKEN, {"reference_id": "c-1204"})
    assert "gateway_options" not in filled
    with pytest.raises(Rejected):
        cardgate.open(open_request(card_token=TOKEN))


def test_money_cannot_be_held(server: ScriptedServer) -> None:
    cardgate = cardgate_at(server.url)

    with pytest.raises(Unsupported, match="at once"):
        cardgate.open(open_request(captures_at_once=False))
    with pytest.raises(Unsupported, match="at once"):
        cardgate.charge(charge_request(captures_at_once=False))
    assert server.asked == []
    assert {Capability.AUTHORIZE, Capability.CAPTURE, Capability.VOID}.isdisjoint(CardgateGateway.capabilities)


@pytest.mark.parametrize("status", [409, 422, 429])
def test_an_invoice_that_was_made_already_is_found_by_its_reference(server: ScriptedServer, status: int) -> None:
    other = instant()
    server.turns = [
        (status, DUPLICATE),
        (200, listed(other, following="/cardgate/payment-invoices?page=2")),
        (200, listed(sample("invoice_created"))),
    ]

    opened = cardgate_at(server.url).open(open_request())

    assert opened.gateway_reference == INVOICE
    assert paths(server) == [f"POST {API}", f"GET {API}", f"GET {API}?page=2"]


def test_the_search_stays_with_the_vendor_and_ends(server: ScriptedServer) -> None:
    server.turns = [(422, DUPLICATE), (200, listed(following="https://elsewhere.example.com/payment-invoices"))]
    with pytest.raises(AnswerLost):
        cardgate_at(server.url).open(open_request())
    assert len(server.asked) == 2

    server.turns = [(422, DUPLICATE)]
    server.answers(listed(following="/cardgate/payment-invoices?page=2"))
    with pytest.raises(AnswerLost):
        cardgate_at(server.url).open(open_request())
    assert len(server.asked) == 2 + 4


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((422, {"errors": [{"title": "Invalid", "source": {"pointer": "/data/attributes/amount"}}]}), Rejected),
        ((400, {"request_id": "1", "error_type": "validation", "error_codes": ["amount_invalid"]}), Rejected),
        ((422, b"no json"), Rejected),
        ((429, {}), Busy),
        ((422, DUPLICATE), AnswerLost),
        ((409, {}), AnswerLost),
    ],
    ids=str,
)
def test_a_refusal_without_an_invoice_is_what_it_says(
    server: ScriptedServer, answer: tuple[int, Any], error: type[Exception]
) -> None:
    server.turns = [answer, (200, listed())]

    with pytest.raises(error):
        cardgate_at(server.url).open(open_request())

    assert paths(server) == [f"POST {API}", f"GET {API}"]


def test_a_charge_makes_an_invoice_sells_it_and_looks_at_it(server: ScriptedServer) -> None:
    server.turns = [(201, instant()), (200, sample("sale_begun")), (200, charged())]

    outcome = cardgate_at(server.url).charge(charge_request())

    made, sold, looked = server.asked
    attributes = made.json["data"]["attributes"]
    assert attributes["gateway_options"] == {"cardgate": {"instant": True}}
    assert (attributes["token"], attributes["customer"]) == (TOKEN, {"reference_id": "c-1204"})
    assert attributes["expires"] == int((NOW + timedelta(hours=1)).timestamp())
    assert (sold.method, sold.target) == ("POST", SALE)
    assert sold.headers["authorization"] == f"Bearer {SALE_TOKEN}"
    assert sold.json == {"data": {"type": "sale-operation", "attributes": {}}}
    assert (looked.method, looked.target) == ("GET", f"{API}/{INSTANT}")
    assert (outcome.kind, outcome.money, outcome.event_key) == (K.CAPTURED, Money(9000, "EUR"), f"{INSTANT}:processed")
    assert outcome.reference == Reference(ours="tx-2M9DKR7C", gateway=INSTANT, payment=INSTANT, opening=INSTANT)


@pytest.mark.parametrize(
    ("turns", "kind"),
    [
        # The bank said no.
        ([(200, sample("sale_begun")), (200, charged(status="process_failed", resolution="declined"))], K.DECLINED),
        # Nobody knows yet, and the invoice can or cannot be read.
        ([(200, sample("sale_begun")), (200, instant())], K.PENDING),
        ([(200, sample("sale_begun")), (503, {})], K.PENDING),
        ([(200, sample("sale_begun")), "reset"], K.PENDING),
        # The sale's answer is lost or a no, and the invoice shows what became of it.
        (["reset", (200, charged())], K.CAPTURED),
        ([(502, b"<html>"), (200, charged())], K.CAPTURED),
        ([(200, {}), (200, charged())], K.CAPTURED),
        ([(422, {}), (200, charged())], K.CAPTURED),
        (["reset", (200, charged(status="process_pending", processed_amount=None))], K.PENDING),
        ([(200, sample("sale_asks_for_the_guest"))], K.ACTION_REQUIRED),
    ],
)
def test_what_a_sale_says_is_never_the_last_word(server: ScriptedServer, turns: list[Any], kind: OutcomeKind) -> None:
    server.turns = [(201, instant()), *turns]

    outcome = cardgate_at(server.url).charge(charge_request())

    assert outcome.kind is kind
    assert outcome.reference.gateway == INSTANT
    assert outcome.reference.ours == "tx-2M9DKR7C"
    assert len(server.asked) == 1 + len(turns)


@pytest.mark.parametrize(
    ("turns", "error"),
    [
        # Only a sale that may have begun leaves the outcome open.
        (["reset", (200, instant())], AnswerLost),
        (["reset", (503, {})], AnswerLost),
        ([(200, {}), (200, instant())], AnswerLost),
        ([(503, {}), "reset"], AnswerLost),
        ([(429, {})], Busy),
        ([(401, {}), (200, instant())], Rejected),
        ([(422, {}), (200, instant())], Rejected),
    ],
)
def test_a_sale_that_shows_nowhere_is_told_as_it_ended(
    server: ScriptedServer, turns: list[Any], error: type[Exception]
) -> None:
    server.turns = [(201, instant()), *turns]

    with pytest.raises(error):
        cardgate_at(server.url).charge(charge_request())

    assert [path for path in paths(server) if path == f"POST {SALE}"] == [f"POST {SALE}"]


def test_a_sale_that_cannot_be_reached_was_not_sent(server: ScriptedServer) -> None:
    server.turns = [(201, instant())]

    with pytest.raises(NotSent):
        cardgate_at(server.url, cardgate_base_url="http://127.0.0.1:9").charge(charge_request())


@pytest.mark.parametrize(
    ("found", "sales", "kind"),
    [
        (charged(), 0, K.CAPTURED),
        (charged(status="process_failed"), 0, K.DECLINED),
        (instant(status="expired"), 0, K.EXPIRED),
        # An attempt shows: a second sale could be a second charge.
        (charged(status="process_pending", processed_amount=None), 0, K.PENDING),
        # None does: the first call's answer was lost, or the sale never came there.
        (instant(), 1, K.PENDING),
        (instant(status="created"), 1, K.PENDING),
    ],
)
def test_a_repeated_charge_looks_before_it_sells(
    server: ScriptedServer, found: Any, sales: int, kind: OutcomeKind
) -> None:
    server.turns = [(422, DUPLICATE), (200, listed(found))]
    server.answers(sample("sale_begun"))

    outcome = cardgate_at(server.url).charge(charge_request())

    assert outcome.kind is kind
    assert paths(server).count(f"POST {SALE}") == sales


def test_a_token_that_is_gone_is_a_decline_unless_it_was_charged_before(server: ScriptedServer) -> None:
    cardgate = cardgate_at(server.url)
    server.turns = [(422, UNKNOWN_TOKEN), (200, listed())]
    refused = cardgate.charge(charge_request())
    server.turns = [(422, UNKNOWN_TOKEN), (200, listed(charged()))]
    taken = cardgate.charge(charge_request())

    assert (refused.kind, refused.reference.gateway) == (K.DECLINED, None)
    assert refused.decline is not None
    assert (refused.decline.code, refused.decline.is_card_gone) == (ErrorCode.UNDEFINED_CARD_ERROR, True)
    assert taken.kind is K.CAPTURED


@pytest.mark.parametrize("changes", [{"amount": 91}, {"currency": "USD"}, {"reference_id": "tx-OTHER"}], ids=str)
def test_an_invoice_for_something_else_is_not_sold(server: ScriptedServer, changes: dict[str, Any]) -> None:
    server.turns = [(201, instant(**changes))]

    with pytest.raises(AnswerLost):
        cardgate_at(server.url).charge(charge_request())

    assert len(server.asked) == 1


def test_an_invoice_that_cannot_be_sold_is_our_fault(server: ScriptedServer) -> None:
    server.answers(invoice("invoice_created", reference_id="tx-2M9DKR7C"), status=201)

    with pytest.raises(Rejected, match="instant"):
        cardgate_at(server.url).charge(charge_request())


@pytest.mark.parametrize("change", [{"card_token": "../x"}, {"shopper_reference": ""}], ids=str)
def test_a_charge_needs_a_token_and_its_customer(server: ScriptedServer, change: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        cardgate_at(server.url).charge(charge_request(**change))
    with pytest.raises(Unsupported):
        cardgate_at(server.url).charge(charge_request(card_token=None, payment_token="tok"))

    assert server.asked == []


def test_deleting_a_card_is_not_documented(server: ScriptedServer) -> None:
    with pytest.raises(Unsupported):
        cardgate_at(server.url).revoke_card(RevokeCardRequest(card_token=TOKEN, shopper_reference="c-1204"))

    assert server.asked == []


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"account_id": ""}, ("account_id",)),
        ({"api_key": ""}, ("api_key",)),
        ({"private_keys": ""}, ("private_keys",)),
        ({"private_keys": " , "}, ("private_keys",)),
        ({"private_keys": "sk_live_1"}, ("private_keys",)),
        ({"environment": "live"}, ("private_keys",)),
        ({"environment": "live", "private_keys": "sk_live_1"}, ()),
        ({"environment": "prod"}, ("environment",)),
        ({"api_base_url": ""}, ("api_base_url",)),
        ({"cardgate_base_url": ""}, ("cardgate_base_url",)),
        ({"timeout_seconds": "13"}, ("timeout_seconds",)),
        ({"timeout_seconds": "soon"}, ("timeout_seconds",)),
        ({"timeout_seconds": ""}, ()),
    ],
    ids=str,
)
def test_an_account_says_what_it_lacks(change: dict[str, str], missing: tuple[str, ...]) -> None:
    found = credentials("https://api.example.com", **change)

    assert CardgateGateway.missing_credentials(found) == missing
    if missing:
        with pytest.raises(MisconfiguredAccount):
            CardgateGateway(found)


@pytest.mark.parametrize(
    ("resolution", "code", "is_gone"),
    [
        ("insufficient_funds", ErrorCode.CREDIT_LIMIT_EXCEEDED, False),
        ("limit_violation", ErrorCode.CREDIT_LIMIT_EXCEEDED, False),
        ("card_expired", ErrorCode.INVALID_CARD_EXPIRY, True),
        ("invalid_cvv", ErrorCode.INVALID_CARD_NUMBER, False),
        ("invalid_pan", ErrorCode.INVALID_CARD_NUMBER, False),
        ("provider_error", ErrorCode.PROCESSOR_UNAVAILABLE, False),
        ("access_denied", ErrorCode.PROCESSOR_UNAVAILABLE, False),
        ("declined", ErrorCode.TRANSACTION_DECLINED, False),
        ("auth_3ds_required", ErrorCode.TRANSACTION_DECLINED, False),
        ("lost_or_stolen_card", ErrorCode.TRANSACTION_DECLINED, True),
        ("card_type_not_supported", ErrorCode.TRANSACTION_DECLINED, False),
        ("duplicated_transaction", ErrorCode.UNDEFINED_CARD_ERROR, False),
        ("ok", ErrorCode.UNDEFINED_CARD_ERROR, False),
        ("", ErrorCode.UNDEFINED_CARD_ERROR, False),
    ],
)
def test_a_resolution_in_our_words(resolution: str, code: ErrorCode, is_gone: bool) -> None:
    decline = decline_of(resolution, "said the bank")

    assert (decline.code, decline.is_card_gone) == (code, is_gone)
    assert (decline.raw_code, decline.raw_text) == (resolution, "said the bank")


def test_every_resolution_of_the_test_cards_is_mapped() -> None:
    documented = """
    access_denied error provider_error unknown duplicated_transaction auth_fatal_error
    unable_to_determine_3ds_enrolment card_is_3ds_enrolled card_is_not_3ds_enrolled issuer_decline client_auth_failed
    provider_fatal_error invalid_details invalid_pin antifraud_error invalid_card fatal_error unable_to_reconcile
    invalid_amount limit_violation functionality_is_not_permitted invalid_request lost_or_stolen_card declined
    invalid_otp invalid_3ds_code invalid_card_status insufficient_funds card_expired invalid_cvv invalid_pan
    invalid_credentials general_fatal_error
    """
    assert set(documented.split()) <= set(RESOLUTIONS)


@pytest.mark.parametrize(
    ("text", "currency", "money"),
    [
        ("100.55", "EUR", Money(10055, "EUR")),
        ("100", "EUR", Money(10000, "EUR")),
        ("100.5500", "EUR", Money(10055, "EUR")),
        ("1E+2", "EUR", Money(10000, "EUR")),
        ("1500", "JPY", Money(1500, "JPY")),
        ("12.345", "KWD", Money(12345, "KWD")),
        ("0.07", "EUR", Money(7, "EUR")),
        ('"100.55"', "EUR", Money(10055, "EUR")),
        ("100.555", "EUR", None),
        ("1500.5", "JPY", None),
        ("1e999999", "EUR", None),
        ("-1e-999999", "EUR", None),
        ("true", "EUR", None),
        ("null", "EUR", None),
        ('"ten"', "EUR", None),
        ("100", "XXX", None),
    ],
)
def test_amounts_are_read_exactly_or_not_at_all(text: str, currency: str, money: Money | None) -> None:
    assert money_of(json.loads(text, parse_float=Decimal), currency) == money


def test_amounts_are_written_exactly() -> None:
    body = {"a": [Money(9_007_199_254_740_993, "EUR").major, Money(7, "KWD").major, Money(1500, "JPY").major]}

    assert json_text({**body, "t": 'ü"', "n": None, "b": True}) == (
        '{"a":[90071992547409.93,0.007,1500],"t":"\\u00fc\\"","n":null,"b":true}'
    )


def test_a_charge_keeps_its_calls_within_the_time_of_one(server: ScriptedServer) -> None:
    server.turns = [(201, instant()), "hang"]
    cardgate = cardgate_at(server.url, timeout_seconds="4")

    with pytest.raises(AnswerLost):
        cardgate.charge(charge_request())

    # The sale may hang for most of that time; the look has what is left.
    assert [path.split(" ")[0] for path in paths(server)] == ["POST", "POST", "GET"]
