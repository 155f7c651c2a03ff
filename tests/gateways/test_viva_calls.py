"""What Viva is asked, and what becomes of its answers, against servers that answer as told."""

import base64
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import gateways.adapters.viva
from gateways.adapters.viva.currencies import EXPONENTS, NUMBERS, money_of
from gateways.adapters.viva.refusals import REFUSALS, decline_of
from gateways.errors import AnswerLost, Busy, ErrorCode, MisconfiguredAccount, NotSent, Rejected, Unsupported
from gateways.exponents import UnknownPair
from gateways.protocol import OutcomeKind, Reference, RevokeCardRequest, Source
from money import Money
from tests.gateways.examples import samples_folder
from tests.gateways.scripted_server import ScriptedServer
from tests.gateways.viva_world import (
    ACCESS_TOKEN,
    API_KEY,
    CAPTURE,
    CHARGE,
    HOLD,
    MERCHANT,
    ORDER,
    PAYMENT,
    REFUND,
    capture_request,
    charge_request,
    complete_request,
    credentials,
    open_request,
    refund_request,
    sample,
    viva_at,
    void_request,
)

K = OutcomeKind
BASIC = "Basic " + base64.b64encode(f"{MERCHANT}:{API_KEY}".encode()).decode()


def test_an_order_is_asked_for_in_minor_units_and_ends_with_the_hold(server: ScriptedServer) -> None:
    server.answers(sample("order_created"))
    expires_at = datetime.now(UTC) + timedelta(minutes=20, seconds=0.5)

    opened = viva_at(server.url).open(open_request(expires_at=expires_at, email="ada@example.com", stores_card=True))

    (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", "/viva/api/checkout/v2/orders")
    assert asked.headers["authorization"] == f"Bearer {ACCESS_TOKEN}"
    assert 1195 <= asked.json.pop("paymentTimeout") <= 1200
    body = {name: value for name, value in asked.json.items() if name != "paymentTimeout"}
    assert body == {
        "amount": 9000,
        "currencyCode": "978",
        "merchantTrns": "op-7Q2KMX4H",
        "sourceCode": "Default",
        "preauth": False,
        "allowRecurring": True,
        "disableCash": True,
        "customer": {"email": "ada@example.com", "countryCode": "GB", "requestLang": "en-GB"},
    }
    assert (opened.gateway_reference, opened.expires_at) == (ORDER, expires_at)
    page = f"{server.url}/viva/www/web/checkout?ref={ORDER}"
    assert opened.client == {"orderCode": ORDER, "checkoutUrl": page}
    assert opened.redirect_url == ""


def test_a_hold_keeps_no_card_and_a_hosted_page_has_its_address(server: ScriptedServer) -> None:
    server.answers(sample("order_created"))

    opened = viva_at(server.url, source_code="4321").open(
        open_request(captures_at_once=False, stores_card=True, is_hosted=True, locale="de", country_code="")
    )

    asked = server.asked[0].json
    assert (asked["preauth"], asked["allowRecurring"], asked["sourceCode"]) == (True, False, "4321")
    assert "customer" not in asked
    assert opened.redirect_url == opened.client["checkoutUrl"]


@pytest.mark.parametrize(
    "wish",
    [
        {"source": Source.MOTO},
        {"source": Source.POS},
        {"expires_at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"money": Money(1500, "JPY")},
        {"money": Money(1500, "USD")},
    ],
    ids=str,
)
def test_what_viva_cannot_be_asked_is_refused_before_anything_is_sent(
    server: ScriptedServer, wish: dict[str, Any]
) -> None:
    with pytest.raises(Rejected):
        viva_at(server.url).open(open_request(**wish))

    assert server.asked == []


def test_an_order_code_of_the_older_spelling_is_read_and_an_error_is_none(server: ScriptedServer) -> None:
    server.answers({"OrderCode": int(ORDER), "ErrorCode": 0, "ErrorText": "", "Success": True})
    assert viva_at(server.url).open(open_request()).gateway_reference == ORDER

    for answer in ({"OrderCode": int(ORDER), "ErrorCode": 5}, {"orderCode": True}, {"orderCode": "12 34"}):
        server.answers(answer)
        with pytest.raises(AnswerLost):
            viva_at(server.url).open(open_request())


def test_a_charge_names_the_first_payment_and_its_answer_is_in_major_units(server: ScriptedServer) -> None:
    server.answers((samples_folder(gateways.adapters.viva) / "charged.json").read_bytes())

    charged = viva_at(server.url).charge(charge_request())

    (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", f"/viva/www/api/transactions/{PAYMENT}")
    assert asked.headers["authorization"] == BASIC
    assert asked.json == {
        "amount": 9000,
        "currencyCode": "978",
        "merchantTrns": "tx-2M9DKR7C",
        "sourceCode": "Default",
    }
    assert (charged.kind, charged.money) == (K.CAPTURED, Money(9000, "EUR"))
    assert charged.reference == Reference(ours="tx-2M9DKR7C", gateway=CHARGE, payment=CHARGE)
    assert charged.event_key == CHARGE


def test_only_a_kept_card_is_charged_and_never_only_held(server: ScriptedServer) -> None:
    for wish in ({"card_token": None, "payment_token": "T0K3N"}, {"captures_at_once": False}):
        with pytest.raises(Unsupported):
            viva_at(server.url).charge(charge_request(**wish))
    with pytest.raises(Rejected):
        viva_at(server.url).charge(charge_request(card_token="no-id"))

    assert server.asked == []


def test_a_refund_is_a_delete_of_what_took_the_money(server: ScriptedServer) -> None:
    server.answers(sample("refunded"))

    refunded = viva_at(server.url).refund(refund_request(payment_reference=HOLD, taken_reference=CAPTURE))

    (asked,) = server.asked
    target = urlsplit(asked.target)
    assert (asked.method, target.path) == ("DELETE", f"/viva/www/api/transactions/{CAPTURE}")
    assert parse_qs(target.query) == {
        "amount": ["3000"],
        "currencyCode": ["978"],
        "sourceCode": ["Default"],
        "merchantTrns": ["tx-9W4TB6NE"],
    }
    assert (refunded.kind, refunded.money, refunded.event_key) == (K.REFUNDED, Money(3000, "EUR"), REFUND)
    assert refunded.reference == Reference(ours="tx-9W4TB6NE", gateway=REFUND, payment=HOLD)


def test_a_release_names_no_amount(server: ScriptedServer) -> None:
    server.answers(sample("voided"))

    voided = viva_at(server.url).void(void_request())

    assert parse_qs(urlsplit(server.asked[0].target).query).keys() == {"sourceCode", "merchantTrns"}
    assert (voided.kind, voided.money, voided.reference.payment) == (K.VOIDED, Money(9000, "EUR"), HOLD)


@pytest.mark.parametrize(
    ("verb", "answer", "kind"),
    [
        ("charge", "charge_refused", K.DECLINED),
        ("capture", "refund_failed", K.CAPTURE_FAILED),
        ("void", "refund_failed", K.VOID_FAILED),
        ("refund", "refund_failed", K.REFUND_FAILED),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 422])
def test_a_transaction_that_failed_is_a_no_whatever_the_status(
    server: ScriptedServer, verb: str, answer: str, kind: OutcomeKind, status: int
) -> None:
    server.answers(sample(answer), status=status)
    gateway = viva_at(server.url)
    requests: dict[str, Any] = {
        "charge": charge_request,
        "capture": capture_request,
        "void": void_request,
        "refund": refund_request,
    }

    said = getattr(gateway, verb)(requests[verb]())

    assert said.kind is kind
    assert said.decline is not None
    assert said.decline.raw_code == ("10051" if verb == "charge" else "311")
    assert said.decline.code is (ErrorCode.CREDIT_LIMIT_EXCEEDED if verb == "charge" else said.decline.code)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"ErrorCode": 403, "StatusId": "E", "Success": False, "TransactionId": None}, Rejected),
        ({"ErrorCode": 404, "Success": False, "TransactionId": None}, Rejected),
        ({"ErrorCode": 429, "Success": False, "TransactionId": None}, Busy),
        ({"ErrorCode": 500, "Success": False, "TransactionId": None}, AnswerLost),
        ({"ErrorCode": 502, "StatusId": "E", "Success": False, "TransactionId": None, "EventId": 0}, AnswerLost),
        ({"Success": None}, AnswerLost),
        ({"Success": True, "ErrorCode": 7}, AnswerLost),
        ({"TransactionId": None}, AnswerLost),
        ({"TransactionId": "1"}, AnswerLost),
        ({"StatusId": "Z"}, AnswerLost),
        ({"Amount": "90,00"}, AnswerLost),
        ({"CurrencyCode": "999"}, AnswerLost),
    ],
    ids=str,
)
def test_an_answer_that_does_not_say_yes_or_no_is_neither(
    server: ScriptedServer, change: dict[str, Any], problem: type[Exception]
) -> None:
    server.answers({**sample("charged"), **change})

    with pytest.raises(problem):
        viva_at(server.url).charge(charge_request())


def test_an_answer_under_way_is_pending_and_one_without_an_amount_is_about_what_was_asked(
    server: ScriptedServer,
) -> None:
    server.answers({**sample("charged"), "StatusId": "A", "Amount": None, "CurrencyCode": None})

    said = viva_at(server.url).charge(charge_request())

    assert (said.kind, said.money, said.event_key) == (K.PENDING, Money(9000, "EUR"), CHARGE)


def test_an_answer_about_another_amount_or_currency_is_told_as_it_is(server: ScriptedServer) -> None:
    server.answers({**sample("charged"), "Amount": 45.5, "CurrencyCode": "826"})

    assert viva_at(server.url).charge(charge_request()).money == Money(4550, "GBP")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"orderCode": 1111222233334444}, Rejected),
        ({"merchantTrns": "op-another"}, Rejected),
        ({"merchantTrns": None}, Rejected),
        ({"transactionTypeId": 4}, Rejected),
        ({"transactionTypeId": 0}, Rejected),
        ({"orderCode": None}, AnswerLost),
        ({"statusId": None}, AnswerLost),
        ({"transactionTypeId": "5"}, AnswerLost),
    ],
    ids=str,
)
def test_what_is_not_a_payment_of_this_order_completes_nothing(
    server: ScriptedServer, change: dict[str, Any], problem: type[Exception]
) -> None:
    server.answers({**sample("transaction_paid"), **change})

    with pytest.raises(problem):
        viva_at(server.url).complete(complete_request())


@pytest.mark.parametrize(
    ("change", "kind", "money"),
    [
        ({}, K.CAPTURED, Money(9000, "EUR")),
        ({"transactionTypeId": 1}, K.AUTHORIZED, Money(9000, "EUR")),
        ({"transactionTypeId": 9}, K.CAPTURED, Money(9000, "EUR")),
        ({"amount": 90}, K.CAPTURED, Money(9000, "EUR")),
        ({"amount": 0.9}, K.CAPTURED, Money(90, "EUR")),
        ({"amount": 8999.99}, K.CAPTURED, Money(899_999, "EUR")),
        ({"currencyCode": "826"}, K.CAPTURED, Money(9000, "GBP")),
        ({"currencyCode": 978}, K.CAPTURED, Money(9000, "EUR")),
        ({"statusId": "A"}, K.PENDING, Money(9000, "EUR")),
        ({"statusId": "E", "eventId": 10054}, K.DECLINED, Money(9000, "EUR")),
        ({"transactionTypeId": 99}, K.PENDING, Money(9000, "EUR")),
        ({"amount": None}, K.PENDING, None),
        ({"amount": 90.001}, K.PENDING, None),
        ({"currencyCode": "392"}, K.PENDING, None),
    ],
    ids=str,
)
def test_what_a_verified_transaction_means(
    server: ScriptedServer, change: dict[str, Any], kind: OutcomeKind, money: Money | None
) -> None:
    server.answers({**sample("transaction_paid"), **change})

    (told,) = viva_at(server.url).complete(complete_request())

    assert (told.kind, told.money, told.event_key) == (kind, money, PAYMENT)
    assert told.reference == Reference(ours="op-7Q2KMX4H", gateway=PAYMENT, payment=PAYMENT, opening=ORDER)


def test_capital_letters_are_read_as_small_ones(server: ScriptedServer) -> None:
    server.answers({name[0].upper() + name[1:]: value for name, value in sample("transaction_paid").items()})

    (told,) = viva_at(server.url).complete(complete_request())

    assert (told.kind, told.money) == (K.CAPTURED, Money(9000, "EUR"))


def test_a_hold_is_looked_up_where_nobody_says_what_took_its_money(server: ScriptedServer) -> None:
    server.answers(sample("transactions_of_hold"))
    with pytest.raises(AnswerLost):  # the same answer again, which is none to a refund
        viva_at(server.url).refund(refund_request(payment_reference=HOLD, taken_reference=""))

    assert [asked.method for asked in server.asked] == ["GET", "GET", "DELETE"]
    assert urlsplit(server.asked[1].target).query == f"ordercode={ORDER}"
    assert urlsplit(server.asked[2].target).path.endswith(f"/{CAPTURE}")


def test_a_look_before_a_refund_that_fails_has_moved_nothing(server: ScriptedServer) -> None:
    server.answers({}, status=503)

    with pytest.raises(NotSent):
        viva_at(server.url).refund(refund_request(taken_reference=""))
    with pytest.raises(NotSent):
        viva_at(server.url).void(void_request(may_be_captured=True))


def test_a_list_of_an_order_says_all_that_happened_in_it(server: ScriptedServer) -> None:
    server.answers(sample("transactions_of_order"))

    paid, refunded = viva_at(server.url).fetch(Reference(payment=PAYMENT))

    assert (paid.kind, paid.event_key, paid.money) == (K.CAPTURED, PAYMENT, Money(9000, "EUR"))
    assert paid.card is not None
    assert (paid.card.token, paid.card.bin, paid.card.expiry_month) == (PAYMENT, "414746", 3)
    assert (refunded.kind, refunded.event_key, refunded.money) == (K.REFUNDED, REFUND, Money(3000, "EUR"))
    assert refunded.reference == Reference(ours="tx-9W4TB6NE", gateway=REFUND, payment=PAYMENT, opening=ORDER)
    assert refunded.occurred_at == datetime(2026, 11, 21, 9, 2, 0, 765432, tzinfo=UTC)


@pytest.mark.parametrize(("state", "kinds"), [(0, []), (1, [K.EXPIRED]), (2, [K.EXPIRED]), (3, None)])
def test_an_order_that_is_paid_and_lists_no_payment_is_no_answer(
    server: ScriptedServer, state: int, kinds: list[OutcomeKind] | None
) -> None:
    nothing = {"Transactions": [], "ErrorCode": 0, "Success": True}
    server.turns = [(200, nothing), (200, {**sample("order"), "StateId": state})]
    reference = Reference(ours="op-7Q2KMX4H", opening=ORDER)

    if kinds is None:
        with pytest.raises(AnswerLost):
            viva_at(server.url).fetch(reference)
        return
    assert [told.kind for told in viva_at(server.url).fetch(reference)] == kinds


def test_a_name_of_nobodys_is_asked_for_by_day_and_found_nowhere(server: ScriptedServer) -> None:
    server.answers({**sample("transactions_of_order"), "Transactions": []})

    assert viva_at(server.url).fetch(Reference(ours="tx-never")) == ()
    days = [parse_qs(urlsplit(asked.target).query)["date"][0] for asked in server.asked]
    today = (datetime.now(UTC) + timedelta(hours=3)).date()
    assert days == [(today - timedelta(days=ago)).isoformat() for ago in range(3)]

    server.answers({}, status=404)
    assert viva_at(server.url).fetch(Reference(gateway=PAYMENT)) == ()


@pytest.mark.parametrize(
    "reference",
    [Reference(gateway="QFQTPCQ8HXSKGK82"), Reference(opening="../orders"), Reference(payment="1")],
    ids=str,
)
def test_a_name_that_is_none_of_vivas_is_not_asked_for(server: ScriptedServer, reference: Reference) -> None:
    with pytest.raises(Rejected):
        viva_at(server.url).fetch(reference)

    assert server.asked == []


def test_no_card_can_be_deleted_and_nobody_is_asked_to(server: ScriptedServer) -> None:
    with pytest.raises(Unsupported):
        viva_at(server.url).revoke_card(RevokeCardRequest(card_token=PAYMENT, shopper_reference="c-1204"))

    assert server.asked == []


@pytest.mark.parametrize(
    ("amount", "number", "money"),
    [
        (Decimal("30.00"), "978", Money(3000, "EUR")),
        (Decimal("-30.00"), "978", Money(3000, "EUR")),
        (30, "348", Money(3000, "HUF")),
        (Decimal("0.01"), "985", Money(1, "PLN")),
        (Decimal("1E+2"), "203", Money(10_000, "CZK")),
        (Decimal("30.0000"), 978, Money(3000, "EUR")),
        (Decimal("30.005"), "978", None),
        (Decimal("1E+40"), "978", None),
        (True, "978", None),
        ("30.00", "978", None),
        (30.0, "978", None),
        (Decimal("30.00"), "392", None),
        (Decimal("30.00"), None, None),
    ],
    ids=str,
)
def test_major_units_are_read_exactly_or_not_at_all(amount: object, number: object, money: Money | None) -> None:
    assert money_of(amount, number) == money


def test_only_currencies_whose_decimals_are_known_are_counted() -> None:
    assert {EXPONENTS.exponent(currency) for currency in NUMBERS} == {2}
    for currency in ("JPY", "KWD", "USD", "CHF", "ISK"):
        with pytest.raises(UnknownPair):
            EXPONENTS.exponent(currency)


@pytest.mark.parametrize(
    ("event_id", "code", "is_gone"),
    [
        (10051, ErrorCode.CREDIT_LIMIT_EXCEEDED, False),
        ("10061", ErrorCode.CREDIT_LIMIT_EXCEEDED, False),
        (10054, ErrorCode.INVALID_CARD_EXPIRY, True),
        (10210, ErrorCode.INVALID_CARD_NUMBER, False),
        (10213, ErrorCode.TRANSACTION_DECLINED, True),
        (10222, ErrorCode.TRANSACTION_DECLINED, True),
        (2061, ErrorCode.TRANSACTION_DECLINED, False),
        (10091, ErrorCode.PROCESSOR_UNAVAILABLE, False),
        (7001, ErrorCode.PROCESSOR_UNAVAILABLE, False),
        (0, ErrorCode.UNDEFINED_CARD_ERROR, False),
        (None, ErrorCode.UNDEFINED_CARD_ERROR, False),
        ("", ErrorCode.UNDEFINED_CARD_ERROR, False),
        (100_911, ErrorCode.UNDEFINED_CARD_ERROR, False),
        (True, ErrorCode.UNDEFINED_CARD_ERROR, False),
    ],
)
def test_refusals_by_event_id(event_id: object, code: ErrorCode, is_gone: bool) -> None:
    found = decline_of(event_id)

    assert (found.code, found.is_card_gone) == (code, is_gone)
    assert found.raw_code.isdigit()


def test_every_one_of_the_six_codes_has_a_refusal() -> None:
    assert {code for _, code in REFUSALS.values()} == set(ErrorCode)
    assert decline_of(10051, "card 4147463011110133").raw_text == "card ************0133"


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"client_id": ""}, ("client_id",)),
        ({"merchant_id": "ToursEU"}, ("merchant_id",)),
        ({"environment": "demo"}, ("environment",)),
        ({"timeout_seconds": "13"}, ("timeout_seconds",)),
        ({"timeout_seconds": "soon"}, ("timeout_seconds",)),
    ],
    ids=str,
)
def test_an_account_says_what_it_lacks(change: dict[str, str], missing: tuple[str, ...]) -> None:
    with pytest.raises(MisconfiguredAccount, match=missing[0]):
        viva_at("http://127.0.0.1:9", **change)


def test_without_addresses_of_ours_each_environment_has_vivas_own() -> None:
    hosts = {"accounts_base_url": "", "api_base_url": "", "www_base_url": ""}
    for environment, host in (("test", "https://demo-api.vivapayments.com"), ("live", "https://api.vivapayments.com")):
        gateway = viva_at("", environment=environment, **hosts)
        assert host in repr(gateway._viva)
    assert credentials("")["environment"] == "test"


def test_before_there_is_an_order_a_page_gets_nulls() -> None:
    settings = viva_at("http://127.0.0.1:9").client_settings(money=Money(9000, "EUR"), country_code="GB")

    assert settings == {"orderCode": None, "checkoutUrl": None}
    assert set(settings) <= set(viva_at("http://127.0.0.1:9").partner_talk.gives)
