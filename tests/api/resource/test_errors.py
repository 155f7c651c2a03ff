"""Every error is the standard error object, in the format that was asked for; a refusal writes nothing."""

from datetime import datetime
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from django.db import OperationalError
from django.utils import timezone
from psycopg.errors import LockNotAvailable

from api.idempotency import RequestIdentity, claim_request
from api.json_body import LARGEST_BODY
from api.resource.errors import refusal_for
from bookings.services import mint_partner_key
from gateways.models import GatewayAccount
from payments.models import AccountRoute, Payment, Transaction
from tests.api.resource.desk import CARD, XML, Desk

ALWAYS = {"http_status_code", "time", "message", "errors", "error_id", "href"}
REQUIRED = "is required"


def refused(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    body: dict[str, Any] = answer.json()
    assert set(body) - {"money"} == ALWAYS
    assert body["http_status_code"] == status
    assert body["error_id"] == answer.headers["X-Request-Id"]
    assert datetime.strptime(body["time"], "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007
    assert status == 400 or body["errors"] == []
    assert not Transaction.objects.exists()
    assert not Payment.objects.filter(is_one_charge=True).exists()
    return body


def test_the_documented_example_is_answered_as_documented(desk):
    body = refused(desk.post("/payments/", desk.wish(desk.booking(), "x")), 400)

    assert body["message"] == "Invalid payment amount"
    assert body["errors"] == [
        {
            "code": "INVALID_DATA",
            "detail": "must be a decimal number in a text, such as 12.50",
            "field": "amount",
            "value": "x",
        }
    ]
    assert body["href"] == f"{desk.base}/payments/"


def test_without_a_key_of_this_api_nothing_is_told(desk, shop):
    row, revoked = mint_partner_key(
        partner=shop.partner, dialects=["resource"], is_live=True, label="", now=timezone.now()
    )
    type(row).objects.filter(pk=row.pk).update(revoked_at=timezone.now())
    path = f"/bookings/{desk.booking().number}"

    for key in (None, "", "wrong", "k" * 500, "schlüssel", shop.key, revoked):
        stranger = Desk(key=key, shop=shop)
        for answer in (stranger.get(path), stranger.post("/payments", {})):
            body = refused(answer, 401)
            assert answer.headers["WWW-Authenticate"] == "X-Application-Key"
            assert "money" not in body


def test_of_another_partner_nothing_is_told(desk, shop):
    booking = desk.booking()
    other_key = mint_partner_key(
        partner=shop.other_partner, dialects=["resource"], is_live=True, label="", now=timezone.now()
    )[1]
    other = Desk(key=other_key, shop=shop)

    for path in (
        f"/bookings/{booking.number}",
        f"/bookings/{booking.number}/payments",
        f"/customers/{booking.order.customer.number}",
    ):
        refused(other.get(path), 404)
    body = refused(other.post("/payments/", desk.wish(booking)), 400)
    assert (body["errors"][0]["field"], body["errors"][0]["detail"]) == ("booking", "there is no such booking")


def test_what_is_not_there_is_not_found(desk):
    for path in (
        "/payments/1",
        "/payments/0",
        "/payments/nothing",
        "/payments/99999999999999999999",
        "/payments/٣",
        "/refunds/1",
        "/bookings/1/",
        "/bookings/1/payments",
        "/bookings/1/refunds/",
        "/bookings/1/customers",
        "/customers/1",
        "/customers/1/bookings",
        "/bookings",
        "/customers/",
        "/refunds",
        "/payments/1/capture",
        "/bookings/1/unknown/path",
        "/bookings/1/%0A",
    ):
        assert refused(desk.get(path), 404)["message"] == "Not found."


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/payments/", "POST, OPTIONS"),
        ("DELETE", "/payments/1", "GET, HEAD, OPTIONS"),
        ("POST", "/bookings/1", "GET, HEAD, OPTIONS"),
        ("PATCH", "/customers/1", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_not_allowed(desk, method, path, allowed):
    answer = desk.send(method, path, b"{}")

    refused(answer, 405)
    assert answer.headers["Allow"] == allowed
    options = desk.send("OPTIONS", path, b"")
    assert (options.status_code, options.json()) == (200, {"methods": allowed.split(", ")})


@pytest.mark.parametrize(
    "headers",
    [{"Accept": "text/html"}, {"Accept_Charset": "iso-8859-1"}, {"Accept_Language": "xx"}],
    ids=["format", "charset", "language"],
)
def test_what_we_cannot_write_is_not_acceptable(desk, headers):
    refused(desk.get(f"/bookings/{desk.booking().number}", **headers), 406)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_body_of_another_type_is_unsupported(desk, kind):
    refused(desk.send("POST", "/payments", b"amount=1", kind=kind), 415)


def test_too_many_requests_are_told_when_to_come_back(desk, settings):
    settings.API = {**settings.API, "REQUESTS_PER_MINUTE": 1}
    desk.get("/payments/1")

    answer = desk.get("/payments/1")

    refused(answer, 429)
    assert 1 <= int(answer.headers["Retry-After"]) <= 120
    assert answer.headers["RateLimit-Limit"] == "1"


def test_a_fault_of_ours_says_that_nobody_knows(desk, monkeypatch):
    def broken(**_: Any) -> None:
        raise RuntimeError("the roof is gone")

    monkeypatch.setattr("api.resource.views.payments.charge_card", broken)

    body = refused(desk.post("/payments/", desk.wish(desk.booking())), 500)

    assert body["money"]["moved"] == "unknown"
    assert "roof" not in str(body)


class TestAnAccountThatTakesNoCardDetails:
    def test_is_a_clear_refusal(self, desk):
        GatewayAccount.objects.update(takes_raw_cards=False)

        body = refused(desk.post("/payments/", desk.wish(desk.booking())), 403)

        assert body["message"] == "Card details are not taken from you: no account is set up to charge them."
        assert body["money"] == {
            "moved": "no",
            "amount": "0.00",
            "currency": "EUR",
            "retry_safe_until": None,
            "ask_again_at": None,
        }

    def test_and_so_is_none_at_all(self, desk):
        AccountRoute.objects.all().delete()

        body = refused(desk.post("/payments/", desk.wish(desk.booking())), 403)

        assert body["message"] == "No card payments are set up for you in this currency."


# (what is put into the body, the field that is named, why, the value that is said again)
BAD_DATA: list[tuple[dict[str, Any], str, str, Any]] = [
    ({"booking": None}, "booking", REQUIRED, None),
    ({"booking": {}}, "booking.id", REQUIRED, None),
    ({"booking": "500001"}, "booking", "must be an object", "500001"),
    ({"booking": {"id": 500001}}, "booking.id", "must be a text", 500001),
    ({"booking": {"id": "1"}}, "booking", "there is no such booking", "1"),
    ({"booking": {"href": "/tours/1"}}, "booking.href", "is not the address of one of bookings", "/tours/1"),
    ({"customer": None}, "customer", REQUIRED, None),
    ({"customer": {"id": "1"}}, "customer", "is not the customer of the booking", "1"),
    ({"amount": None}, "amount", REQUIRED, None),
    ({"amount": 90}, "amount", "must be a text", 90),
    ({"amount": 12.5}, "amount", "must be a text", 12.5),
    ({"amount": ""}, "amount", "must not be empty", ""),
    ({"amount": "-1.00"}, "amount", "must be a decimal number in a text, such as 12.50", "-1.00"),
    ({"amount": "1e3"}, "amount", "must be a decimal number in a text, such as 12.50", "1e3"),
    ({"amount": "0.00"}, "amount", "must be more than zero", "0.00"),
    ({"amount": "1.001"}, "amount", "must have at most 2 decimals in EUR", "1.001"),
    ({"amount": "90.01"}, "amount", "at most 90.00 EUR can be paid now", "90.01"),
    ({"capture": "false"}, "capture", "must be true or false", "false"),
    ({"note": "n" * 201}, "note", "must have at most 200 characters", "n" * 200),
    ({"details": None}, "details", REQUIRED, None),
    ({"details": CARD["number"]}, "details", "must be an object", "[redacted]"),
]
BAD_DETAILS: list[tuple[str, Any, str]] = [
    ("transaction_type_code", "CHEQUE", "must be one of CREDIT_CARD"),
    ("transaction_type_code", None, REQUIRED),
    ("number", "4111 1111 1111 1111", "is not of the right form"),
    ("number", 4111111111111111, "must be a text"),
    ("expiry_month", "3", "is not of the right form"),
    ("expiry_month", "13", "is not of the right form"),
    ("expiry_year", "30", "is not of the right form"),
    ("cvv", "12345", "is not of the right form"),
    ("cvv", None, REQUIRED),
    ("name_on_card", " ", "must not be empty"),
]


def test_bad_data_names_the_field_and_says_again_what_was_sent(desk):
    booking = desk.booking()

    for fields, field, detail, value in BAD_DATA:
        body = refused(desk.post("/payments/", {**desk.wish(booking), **fields}), 400)
        assert body["message"] == f"Invalid payment {field.partition('.')[0]}"
        assert body["errors"] == [{"code": "INVALID_DATA", "detail": detail, "field": field, "value": value}]
        assert body["money"]["moved"] == "no"


def test_of_a_card_only_the_field_is_named(desk):
    booking = desk.booking()

    for name, value, detail in BAD_DETAILS:
        body = refused(desk.post("/payments/", desk.wish(booking, details={**CARD, name: value})), 400)
        echo = None if value is None else "[redacted]"
        assert body["errors"] == [{"code": "INVALID_DATA", "detail": detail, "field": f"details.{name}", "value": echo}]


def test_everything_that_is_wrong_is_told_at_once(desk):
    body = refused(desk.post("/payments/", {}), 400)

    assert body["message"] == "Invalid payment data"
    assert [(each["field"], each["detail"]) for each in body["errors"]] == [
        ("booking", REQUIRED),
        ("customer", REQUIRED),
        ("amount", REQUIRED),
        ("details", REQUIRED),
    ]


def test_a_page_that_cannot_be_is_refused(desk):
    path = f"/bookings/{desk.booking().number}/payments"

    for query in ("page=0", "page=x", "page=-1", "page=1000001", "max_per_page=61", "max_per_page=0", "page=²"):
        body = refused(desk.get(f"{path}?{query}"), 400)
        name, _, value = query.partition("=")
        assert (body["errors"][0]["field"], body["errors"][0]["value"]) == (name, value)


def test_a_body_that_cannot_be_read_is_refused(desk):
    for sent, kind, message in (
        ("{", "application/json", "The body is not valid JSON."),
        ("[]", "application/json", "The body must be a JSON object."),
        ("<payment>", XML, "The body is not valid XML."),
        ("<order/>", XML, "The body must be one element payment."),
        (
            '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/hostname">]><payment><amount>&x;</amount></payment>',
            XML,
            "The body has a document type or an entity in it.",
        ),
    ):
        assert refused(desk.send("POST", "/payments/", sent, kind=kind), 400)["message"] == message


def test_a_large_body_is_refused_unread(desk):
    body = refused(desk.send("POST", "/payments/", b" " * (LARGEST_BODY + 1)), 400)

    assert body["message"] == "The body is larger than 1 MiB."


def test_an_error_is_xml_where_xml_is_asked_for(desk):
    answer = desk.post("/payments", {**desk.wish(desk.booking(), "x"), "customer": {"id": {"a b": 1}}}, Accept=XML)

    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/xml; charset=utf-8")
    error = fromstring(answer.content)
    assert error.tag == "error"
    assert [child.tag for child in error] == [
        "http_status_code", "time", "message", "errors", "error_id", "href", "money",
    ]  # fmt: skip
    assert [[(part.tag, part.text) for part in each] for each in error.find("errors")] == [
        [("code", "INVALID_DATA"), ("detail", "must be a text"), ("field", "customer.id"), ("value", None)],
        [
            ("code", "INVALID_DATA"),
            ("detail", "must be a decimal number in a text, such as 12.50"),
            ("field", "amount"),
            ("value", "x"),
        ],
    ]


def test_sentences_are_in_the_language_that_was_asked_for(desk):
    answer = desk.post("/payments", desk.wish(desk.booking(), "0.00"), Accept_Language="de-CH, de;q=0.9")

    body = refused(answer, 400)
    assert (body["message"], body["errors"][0]["detail"]) == ("Ungültige Zahlung: amount", "muss mehr als null sein")
    assert answer.headers["Content-Language"] == "de"


def test_a_malformed_idempotency_key_is_refused(desk):
    booking = desk.booking()

    for key in ("", "ключ", "k" * 256):
        answer = desk.post("/payments", desk.wish(booking), Idempotency_Key=key)
        assert "Idempotency-Key" in refused(answer, 400)["message"]


def test_a_twin_of_a_request_in_flight_is_told_to_wait(desk):
    wish = desk.wish(desk.booking())
    identity = RequestIdentity(
        partner_id=desk.shop.partner.pk, is_live=True, key="twin", method="POST", path="/payments", body=wish
    )
    claim_request(identity, wait_seconds=0, clock=timezone.now)

    answer = desk.post("/payments/", wish, Idempotency_Key="twin")

    body = refused(answer, 409)
    assert (answer.headers["Retry-After"], body["money"]["moved"]) == ("2", "unknown")
    assert body["money"]["retry_safe_until"] is not None
    assert body["money"]["ask_again_at"] is not None


def test_a_lock_that_somebody_else_holds_is_waited_for_by_the_client():
    error = OperationalError("canceling statement due to lock timeout")
    error.__cause__ = LockNotAvailable()

    refusal = refusal_for(error)

    assert (refusal.http_status, refusal.retry_after, refusal.is_undecided) == (409, 1, False)


def test_what_may_be_a_card_number_is_never_said_again(desk):
    wish = {**desk.wish(desk.booking()), "amount": "4111111111111111", "note": {"number": CARD["number"]}}

    answers = [
        desk.post("/payments", wish),
        desk.post("/payments", {**wish, "customer": {"id": 4111111111111111}}),
        desk.get(f"/payments/{CARD['number']}"),
        desk.get(f"/bookings/1/payments?page={CARD['number']}"),
    ]

    assert [CARD["number"].encode() in answer.content for answer in answers] == [False] * 4
