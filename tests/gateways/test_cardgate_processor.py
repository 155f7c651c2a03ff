"""The stand-in for CardGate by itself: what it takes as an account, a signature, a receipt and a sale's token."""

import json
from decimal import Decimal
from typing import Any

import pytest

from gateways.sandbox.app import Sandbox, build_application
from gateways.sandbox.cardgate import invoices
from gateways.sandbox.cardgate.accounts import read_account
from gateways.sandbox.cardgate.callbacks import signature
from gateways.sandbox.cardgate.cards import RESOLUTIONS, read_card
from gateways.sandbox.cardgate.documents import encode
from gateways.sandbox.cardgate.errors import ApiError
from gateways.sandbox.cardgate.processor import API, BASE, CardgateProcessor
from gateways.sandbox.cardgate.question import Question
from gateways.sandbox.cardgate.sale_tokens import LIVES_SECONDS, sale_token, sid_of
from gateways.sandbox.config import BadConfig, Config, load_config
from gateways.sandbox.processor import Call
from gateways.sandbox.store import Store
from tests.gateways.cardgate_world import sample

ACCOUNT = {"account_id": "coma_1", "api_key": "key", "private_key": "sk_test_demo"}


def processor(**account: Any) -> CardgateProcessor:
    config = Config(sections={"cardgate": {"accounts": [{**ACCOUNT, **account}]}})
    found = Sandbox(config, Store()).processors["cardgate"]
    assert isinstance(found, CardgateProcessor)
    return found


def test_it_serves_the_documented_calls_and_its_pages() -> None:
    application = build_application(Sandbox(load_config(None), Store()))
    served = {
        (route.method, route.resource.canonical)
        for route in application.router.routes()
        if route.resource is not None and route.method != "HEAD" and route.resource.canonical.startswith(BASE)
    }

    pages = {(method, f"{BASE}/{page}") for method in ("GET", "POST") for page in ("hpp/{sid}", "3ds/{challenge}")}
    assert served == {(method, BASE + path) for method, path, _, _ in API} | pages


def test_it_signs_as_the_vendor_does() -> None:
    body = b'{"data":{"type":"payment-invoices","id":"cpi_TEST","attributes":{"status":"processed"}}}'

    assert signature(body, "sk_test_demo") == "nV9mlaz7BQg6eYK4Y2806wXyTeE="


def test_callbacks_are_repeated_a_minute_later_each_time_and_a_hundred_times() -> None:
    waits = [processor().retry_wait(attempt) for attempt in (1, 2, 3, 99)]

    assert waits == [60, 120, 180, 99 * 60]
    assert processor().retry_wait(100) > 30 * 24 * 3600


@pytest.mark.parametrize(
    "change",
    [
        {"account_id": ""},
        {"api_key": ""},
        {"private_key": ""},
        {"merchant": "x"},
        {"live": "yes"},
        {"attempt_limit": 0},
        {"attempt_limit": True},
        {"duplicate_status": 409},
    ],
    ids=str,
)
def test_an_account_is_well_described_or_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadConfig):
        processor(**change)


def test_an_account_shows_no_secret() -> None:
    assert "sk_test_demo" not in str(read_account(ACCOUNT).shown())
    assert "sk_test_demo" not in repr(read_account(ACCOUNT))


def test_a_sales_token_is_of_one_invoice_and_one_hour() -> None:
    token = sale_token({"sid": "cgi_1", "created": 1000}, "sk_test_demo")

    assert sid_of(token, "sk_test_demo", 1000 + LIVES_SECONDS - 1) == "cgi_1"
    assert sid_of(token, "sk_test_demo", 1000 + LIVES_SECONDS) is None
    assert sid_of(token, "sk_test_other", 1000) is None
    assert sid_of(token[:-1], "sk_test_demo", 1000) is None
    assert sid_of("é", "sk_test_demo", 1000) is None


def test_an_expiry_date_chooses_the_refusal() -> None:
    def resolution(number: str, month: str, year: str) -> tuple[str, str]:
        card = {"number": number, "expiryMonth": month, "expiryYear": year, "cvc": "123"}
        instrument = read_card(card)
        return instrument.verdict, instrument.resolution

    for date, name in RESOLUTIONS.items():
        assert resolution("4302912837020000", date[:2], date[2:]) == ("refused", name)
    assert resolution("4412397212080000", "11", "99") == ("refused", "general_fatal_error")
    assert resolution("5519283812030000", "12", "2032") == ("approved", "ok")
    assert resolution("5519283812030000", "07", "77") == ("pending", "ok")
    assert resolution("5123817234060000", "07", "77") == ("pending", "auth_3ds_required")
    assert resolution("4111111111111111", "12", "32") == ("refused", "invalid_card")
    with pytest.raises(ApiError):
        resolution("5519283812030001", "12", "32")
    with pytest.raises(ApiError):
        resolution("5519283812030000", "01", "20")


def test_its_invoices_and_callbacks_have_the_shape_of_the_published_samples() -> None:
    known = sample("invoice_created")["data"]
    # Nothing is sent without a loop: callbacks of final statuses alone are none here.
    box = processor(webhook_url="http://127.0.0.1:9/", final_only=True)
    (account,) = box.books.accounts()
    call = Call(
        operation="invoices",
        method="POST",
        path="/",
        parameters={},
        query={},
        headers={},
        origin="http://box",
        raw=b"",
        json=None,
    )
    attributes = {
        "test_mode": True,
        "reference_id": "ORDER-1",
        "amount": Decimal("90.10"),
        "currency": "EUR",
        "service": "payment_card_eur_hpp",
        "customer": {"reference_id": "c-1"},
    }
    body = {"data": {"type": "payment-invoices", "attributes": attributes}}
    answer = invoices.create(box.books, Question(call=call, account=account, body=body))

    assert answer.status == 201
    assert answer.content is not None
    told = json.loads(answer.content)["data"]
    assert set(known) <= set(told)
    assert set(known["attributes"]) <= set(told["attributes"])
    assert set(known["relationships"]) == set(told["relationships"])
    assert told["attributes"]["amount"] == 90.1
    item = box.books.invoice(told["id"])
    callback = box.dispatch({"account": account.account_id, "item": item})
    assert callback is not None
    assert (callback.url, callback.accepted, callback.body) == ("http://127.0.0.1:9/", 200, answer.content)
    assert callback.headers["X-Signature"] == signature(callback.body, "sk_test_demo")


def test_amounts_are_written_exactly() -> None:
    assert encode({"a": [Decimal("90.10"), 5, None, True, "ü"]}) == '{"a":[90.10,5,null,true,"\\u00fc"]}'
