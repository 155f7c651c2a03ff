"""What cannot be used is refused in this API's shape, by field, and nothing is written."""

import json

import pytest

from bookings.models import Booking, Order
from payments.models import LedgerEntry, Payment, Transaction
from tests.api.context.desk import Caller, card, documented, plain

pytestmark = pytest.mark.django_db

NO_MONEY = {"moved": "no", "amount": 0, "currencyCode": "EUR", "retrySafeUntil": None, "askAgainAt": None}


def without(body, *names):
    return {name: value for name, value in body.items() if name not in names}


def with_browser(**fields):
    browser = {**documented()["browserInfo"], **fields}
    return documented(browserInfo={name: value for name, value in browser.items() if value is not None})


def written():
    return tuple(model.objects.count() for model in (Transaction, LedgerEntry, Payment, Order))


REFUSED = [
    ({}, "currencyCode: is required."),
    (without(plain(), "amount"), "amount: must be a number."),
    (plain("90.00"), "amount: must be a number."),
    (plain(True), "amount: must be a number."),
    (plain(0), "amount: must be more than 0."),
    (plain(-1), "amount: must not be less than 0."),
    (plain(0.001), "amount: must have at most 2 decimals."),
    (plain(1e300), "amount: has too many digits."),
    (plain(1e-300), "amount: has too many digits."),
    (plain(currencyCode="EURO"), "currencyCode: must be an ISO 4217 currency code, such as EUR."),
    (plain(currencyCode="JPY", amount=90.5), "amount: must have at most 0 decimals."),
    (plain(donationAmount=-1), "donationAmount: must not be less than 0."),
    (plain(paymentMethodId=33), "paymentMethodId: must be one of 32, 40."),
    (plain(paymentMethodId="x"), "paymentMethodId: must be a whole number."),
    (without(plain(), "paymentMethodDetails"), "paymentMethodDetails: is required."),
    (plain(paymentMethodDetails=[]), "paymentMethodDetails: must be an object."),
    (plain(paymentMethodDetails=card(uniquePaymentMethodCode="ideal")), "must be one of scheme."),
    *(
        (plain(paymentMethodDetails=without(card(), name)), f"paymentMethodDetails.{name}: is required.")
        for name in card()
    ),
    *(
        (without(documented(), name), f"{name}: is required.")
        for name in documented()
        if name in {"returnURL", "originHost", "browserInfo", "shopperIP"}
        or (name.startswith("billing") and name != "billingStateOrProvince")
    ),
    (documented(billingCountryCode="US", billingStateOrProvince=None), "billingStateOrProvince: is required."),
    (documented(billingCountryCode="A1"), "billingCountryCode: must be an ISO 3166-1 code, such as AU."),
    (documented(returnURL="javascript:alert(1)"), "returnURL: is not an absolute http or https address."),
    (documented(originHost="shop"), "originHost: must be an origin such as https://shop.example.com."),
    (documented(originHost="https://["), "originHost: must be an origin such as https://shop.example.com."),
    (documented(originHost="https://a shop"), "originHost: must be an origin such as https://shop.example.com."),
    (documented(shopperIP="8.8.8"), "shopperIP: must be an IP address."),
    (with_browser(colorDepth=7), "browserInfo.colorDepth: must be one of 1, 4, 8, 15, 16, 24, 32, 48."),
    (with_browser(javaEnabled=None), "browserInfo.javaEnabled: is required."),
    (with_browser(timeZoneOffset="660"), "browserInfo.timeZoneOffset: must be a whole number."),
    ({"paymentMethodId": 40, **plain()}, "paymentMethodDetails: must not be sent when the customer's credit pays."),
    (
        {"paymentMethodId": 40, "amount": 1, "currencyCode": "EUR", "donationAmount": 1},
        "donationAmount: must not be sent when the customer's credit pays.",
    ),
    ({"paymentMethodId": 40, "amount": 1, "currencyCode": "EUR"}, "amount: the customer's credit is 0.00 EUR."),
    (plain(90.01), "amount: at most 90.00 EUR is due."),
    (plain(currencyCode="USD"), "currencyCode: the booking is in EUR."),
]


@pytest.fixture
def before(desk):
    return written()


def test_every_field_that_cannot_be_used_is_named_and_nothing_is_written(desk, caller, before):
    for body, sentence in REFUSED:
        answer = caller.post(f"{desk.at_booking}/Payment", body)

        shown = answer.json()
        assert (answer.status_code, shown["errorType"]) == (400, "Malformed"), body
        assert shown["errors"][0].endswith(sentence), shown
        assert shown["correlationId"] == answer["X-Request-Id"]
        assert shown["money"] == NO_MONEY
        assert "test_4111111111111111" not in answer.content.decode()
    assert written() == before


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("89.99999999999999999999999999999", "amount: has too many digits."),
        ("90.00000000000000000000000000001", "amount: has too many digits."),
        ("1e99999999999999999999", "The body has a number that is too long."),
        ("-0.0", "amount: must be more than 0."),
        ("NaN", "The body is not valid JSON."),
    ],
)
def test_an_amount_is_never_rounded(desk, caller, before, number, sentence):
    body = json.dumps(plain()).replace("90.0", number)

    answer = caller.post(f"{desk.at_booking}/Payment", body)

    assert (answer.status_code, answer.json()["errors"]) == (400, [sentence])
    assert written() == before


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "paymentProcessAuditId: is required."),
        ({"paymentProcessAuditId": "x"}, "paymentProcessAuditId: must be a whole number."),
        ({"paymentProcessAuditId": 1}, "paymentData: is required."),
        ({"paymentProcessAuditId": 1, "paymentData": "x"}, "paymentDetails: is required."),
        ({"paymentProcessAuditId": 1, "paymentData": "x", "paymentDetails": "["}, "paymentDetails: is not valid JSON."),
        ({"paymentProcessAuditId": 1, "paymentData": "x", "paymentDetails": "{}"}, "paymentDetails: must be a list."),
        ({"paymentProcessAuditId": 1, "paymentData": "x", "paymentDetails": []}, "paymentDetails: must not be empty."),
        (
            {"paymentProcessAuditId": 1, "paymentData": "x", "paymentDetails": [{"key": "MD"}]},
            "paymentDetails[0].value: is required.",
        ),
        (
            {"paymentProcessAuditId": 1, "paymentData": "x", "paymentDetails": [{"key": "MD", "value": "x"}] * 2},
            "paymentDetails[1].key: is there twice.",
        ),
    ],
)
def test_a_completion_that_cannot_be_used(desk, caller, body, sentence):
    answer = caller.post(f"{desk.at_booking}/CompleteSecurePayment", body)

    assert (answer.status_code, answer.json()["errors"]) == (400, [sentence])


def test_a_key_is_needed_and_opens_only_its_partners_bookings_of_its_mode(desk, before):
    octo_key = desk.shop.key
    for key in (None, "", "made-up", "pk_live_é", octo_key):
        answer = Caller(key).post(f"{desk.at_booking}/Payment", plain())
        assert (answer.status_code, answer.json()["errorType"]) == (401, "Unauthorized"), key
        assert set(answer.json()) == {"errorType", "errors", "correlationId"}
    for key in (desk.other_key, desk.test_key):
        for path in (desk.at_booking, desk.at_customer):
            assert Caller(key).post(f"{path}/Payment", plain()).status_code == 404
            assert Caller(key).get(f"{path}/Payment").status_code == 404
    assert written() == before


@pytest.mark.parametrize(
    "path",
    [
        "/bookings/0/Payment",
        "/bookings/x/Payment",
        "/bookings/99999999999999999999/Payment",
        "/customers/1e3/Payment",
        "/agents/{}/Payment",
        "/customers/{}/PaymentMethods",
    ],
)
def test_what_there_is_not(desk, caller, path):
    answer = caller.get(path.format(desk.booking.number))

    assert (answer.status_code, answer.json()["errorType"]) == (404, "NotFound")


def test_methods_there_are_not(desk, caller):
    assert caller.get(f"{desk.at_booking}/CompleteSecurePayment").json()["errorType"] == "NotFound"
    for missing in ("agentId", "currencyCode", "salesModel"):
        query = without({"agentId": "1", "currencyCode": "EUR", "salesModel": "Agent"}, missing)
        answer = caller.get("/PaymentMethods", query)
        assert (answer.status_code, answer.json()["errors"]) == (400, [f"{missing}: is required."])


def test_bodies_that_are_none(desk, caller, before):
    path = f"{desk.at_booking}/Payment"
    for body, kind in (
        ("{", "application/json"),
        ("[]", "application/json"),
        (b"\xff", "application/json"),
        ("a=1", "text/plain"),
    ):
        answer = caller.post(path, body, kind=kind)
        assert (answer.status_code, answer.json()["errorType"]) == (400, "Malformed")
    large = caller.post(path, json.dumps(plain(billingCity="x" * 1_100_000)))
    assert (large.status_code, large.json()["errorType"]) == (400, "Malformed")
    assert written() == before


@pytest.mark.parametrize("change", [{"status": "CANCELLED"}, {"status": "EXPIRED"}])
def test_a_booking_that_is_over_is_not_paid(desk, caller, before, change):
    Order.objects.update(**change)

    for body in (plain(), {"paymentMethodId": 40, "amount": 1, "currencyCode": "EUR"}):
        answer = caller.post(f"{desk.at_booking}/Payment", body)
        shown = answer.json()
        sentence = "The booking is cancelled, or its hold has expired."
        if body.get("paymentMethodId") != 40:
            assert (answer.status_code, shown["errorType"], shown["errors"]) == (403, "AlreadySet", [sentence])
        else:
            assert answer.status_code in (400, 403)
    assert written() == before


def test_a_booking_that_is_paid_by_others_is_not_paid(desk, caller):
    Order.objects.update(settlement_method="VOUCHER")

    answer = caller.post(f"{desk.at_booking}/Payment", plain())

    assert answer.json()["errors"] == ["The booking is already paid in full."]
    assert (answer.status_code, answer.json()["errorType"]) == (403, "AlreadySet")


def test_where_no_account_takes_encrypted_cards_nothing_is_written(desk, caller, shop):
    shop.partner.routes.exclude(account__gateway="external").delete()
    before = written()

    for path in (desk.at_booking, desk.at_customer):
        answer = caller.post(f"{path}/Payment", plain())
        assert (answer.status_code, answer.json()["errorType"]) == (403, "NotSetUp")
    assert caller.get(f"{desk.at_booking}/PaymentMethods").json() == {"methods": []}
    assert written() == before


def test_sentences_are_in_the_language_that_was_asked_for(desk, caller):
    answer = caller.post(f"{desk.at_booking}/Payment", plain(90.01), Accept_Language="de")

    assert answer.json()["errors"] == ["amount: höchstens 90.00 EUR ist zu zahlen."]


def test_too_many_requests_are_told_when_to_come_back(desk, caller, settings):
    settings.API = {**settings.API, "REQUESTS_PER_MINUTE": 2}

    answers = [caller.get(f"{desk.at_booking}/Payment") for _ in range(3)]

    assert [each.status_code for each in answers] == [200, 200, 429]
    assert (answers[0]["RateLimit-Limit"], answers[0]["RateLimit-Remaining"]) == ("2", "1")
    assert answers[2].json()["errorType"] == "TooManyRequests"
    assert int(answers[2]["Retry-After"]) > 0


def test_a_fault_of_ours_is_told_in_the_same_shape(desk, caller, monkeypatch):
    monkeypatch.setattr(Booking.objects, "filter", None)

    answer = caller.post(f"{desk.at_booking}/Payment", plain())

    assert (answer.status_code, answer.json()["errorType"]) == (500, "ServerError")
    assert answer.json()["money"]["moved"] == "unknown"
