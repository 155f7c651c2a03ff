"""Stripe's stand-in by itself: its forms, keys, pages and shapes, and that no card data rests in it."""

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateways.sandbox.forms import BadForm, read_form
from gateways.sandbox.stripe.accounts import USUAL_EVENTS
from tests.gateways.sandbox.conftest import Box
from tests.gateways.stripe_world import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET
from tests.processes import Sandbox

FIXTURES = Path(__file__).resolve().parents[2].parent / "shared" / "specs" / "stripe" / "fixtures3.json"
needs_fixtures = pytest.mark.skipif(not FIXTURES.exists(), reason="Stripe's fixtures do not lie beside the checkout")
ACCOUNT = "acct_1C8dFh1Ju0pTours1"
DESCRIBED = {"secret_key": SECRET_KEY, "publishable_key": PUBLISHABLE_KEY, "webhook_secret": WEBHOOK_SECRET}
SALE = {"amount": "9000", "currency": "eur", "capture_method": "automatic", "metadata[reference]": "op-1"}
NUMBER, SPACED, SECURITY_CODE = "4000002760003184", "4000 0027 6000 3184", "951"


class Api:
    """Stripe's API at the sandbox, spoken by hand."""

    def __init__(self, url: str, key: str = SECRET_KEY) -> None:
        self.url = url
        self._client = httpx.Client(
            base_url=f"{url}/stripe/v1", headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False
        )

    def post(self, path: str, fields: dict[str, Any] | None = None, *, key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self._client.post(path, data=fields or {}, headers=headers)

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self._client.get(path, params=query)

    def made(self, path: str, fields: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self.post(path, fields)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    sandbox.put(f"stripe/accounts/{ACCOUNT}", **DESCRIBED, webhook_url="", enabled_events="*")
    yield Api(sandbox.url)
    sandbox.put(f"stripe/accounts/{ACCOUNT}", enabled_events=USUAL_EVENTS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("a=1&b=", {"a": "1", "b": ""}),
        ("metadata[reference]=x%20y", {"metadata": {"reference": "x y"}}),
        ("expand[]=a&expand[]=b", {"expand": ["a", "b"]}),
        ("expand[1]=b&expand[0]=a", {"expand": ["a", "b"]}),
        ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
    ],
)
def test_a_form_is_read_as_the_object_it_stands_for(text: str, found: dict[str, Any]) -> None:
    assert read_form(text) == found


@pytest.mark.parametrize("text", ["a=1&a[b]=2", "a[b]=2&a=1", "a[=1", "[a]=1", "a" + "[b]" * 9 + "=1"])
def test_a_form_that_contradicts_itself_is_refused(text: str) -> None:
    with pytest.raises(BadForm):
        read_form(text)


def problems(ours: Any, theirs: Any, path: str) -> list[str]:
    """Say where an answer's form differs from the fixture's: a field more or less, or another type."""
    if ours is None or theirs is None or path.endswith((".metadata", ".last_payment_error", ".evidence", ".object")):
        return []
    if isinstance(theirs, bool) or not isinstance(theirs, (dict, list)):
        return [] if type(ours) is type(theirs) else [f"{path} is {type(ours).__name__}"]
    if isinstance(theirs, list):
        return [] if isinstance(ours, list) else [f"{path} is no list"]
    if not isinstance(ours, dict):
        return [f"{path} is no object"]
    found = [
        problem for name in ours if name in theirs for problem in problems(ours[name], theirs[name], f"{path}.{name}")
    ]
    if path.count(".") == 0:
        found += [f"{path}.{name} is missing" for name in theirs if name not in ours]
        found += [f"{path}.{name} is not Stripe's" for name in ours if name not in theirs]
    return found


@needs_fixtures
def test_every_object_has_the_form_of_stripes_own_fixtures(api: Api, sandbox: Sandbox) -> None:
    fixtures = json.loads(FIXTURES.read_text())["resources"]
    customer = api.made("customers", {"metadata[shopper]": "c-1"})
    fields = {**SALE, "customer": customer["id"], "setup_future_usage": "off_session", "expand[0]": "latest_charge"}
    created = api.made("payment_intents", fields)
    confirm = {"payment_method": "pm_card_createDispute", "expand[]": "latest_charge"}
    paid = api.made(f"payment_intents/{created['id']}/confirm", confirm)
    dispute = api.get("disputes", payment_intent=created["id"]).json()["data"][0]
    other = api.made("payment_intents", SALE)
    declined = api.post(f"payment_intents/{other['id']}/confirm", {"payment_method": "pm_card_visa_chargeDeclined"})
    api.made(f"payment_intents/{other['id']}/confirm", {"payment_method": "pm_card_visa"})
    refund = api.made("refunds", {"payment_intent": other["id"], "amount": "1000"})
    told = [delivery["item"] for delivery in sandbox.get("webhooks")["webhooks"]]

    seen = {
        "customer": [customer],
        "payment_intent": [created, paid, declined.json()["error"]["payment_intent"]],
        "charge": [paid["latest_charge"], api.get("charges", payment_intent=other["id"]).json()["data"][1]],
        "payment_method": [api.get(f"payment_methods/{paid['payment_method']}").json()],
        "dispute": [dispute],
        "refund": [refund],
        "event": told,
    }
    for event in told:
        thing = event["data"]["object"]
        seen[thing["object"]].append(thing)

    found = [
        problem
        for kind, things in seen.items()
        for thing in things
        for problem in problems(thing, fixtures[kind], kind)
    ]
    assert found == []
    assert {event["type"] for event in told} >= {
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.dispute.funds_withdrawn",
        "charge.failed",
        "payment_intent.payment_failed",
        "refund.created",
        "charge.refunded",
        "payment_method.attached",
    }


def test_a_key_gives_the_first_answer_again_a_refusal_included(api: Api) -> None:
    first = api.post("payment_intents", SALE, key="one")
    again = api.post("payment_intents", SALE, key="one")
    other = api.post("payment_intents", {**SALE, "amount": "9001"}, key="one")
    confirm = f"payment_intents/{first.json()['id']}/confirm"
    declined = [api.post(confirm, {"payment_method": "pm_card_visa_chargeDeclined"}, key="two") for _ in range(2)]
    invalid = api.post("payment_intents", {**SALE, "amount": "1"}, key="three")
    corrected = api.post("payment_intents", SALE, key="three")

    assert first.json() == again.json()
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    assert [answer.status_code for answer in declined] == [402, 402]
    assert len({answer.json()["error"]["charge"] for answer in declined}) == 1
    assert (invalid.json()["error"]["code"], corrected.status_code) == ("amount_too_small", 200)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"amount": "9000"}, "parameter_missing"),
        ({"amount": "90.00", "currency": "eur"}, "parameter_invalid_integer"),
        ({"amount": "1" * 13, "currency": "eur"}, "amount_too_large"),
        ({"amount": "550", "currency": "isk"}, "parameter_invalid_integer"),
        ({"amount": "12345", "currency": "kwd"}, "parameter_invalid_integer"),
        ({**SALE, "colour": "red"}, "parameter_unknown"),
        ({**SALE, "customer": "cus_nobody"}, "resource_missing"),
        ({**SALE, "confirm": "true", "payment_method": "pm_nobody"}, "resource_missing"),
    ],
    ids=str,
)
def test_a_request_that_cannot_be_is_refused(api: Api, fields: dict[str, str], code: str) -> None:
    answer = api.post("payment_intents", fields)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_a_publishable_key_opens_only_its_own_intent(api: Api, sandbox: Sandbox) -> None:
    intent = api.made("payment_intents", SALE)
    browser = Api(sandbox.url, PUBLISHABLE_KEY)
    path, secret = f"payment_intents/{intent['id']}", intent["client_secret"]
    card = {"type": "card", "card[number]": "4242424242424242", "card[exp_month]": "12", "card[exp_year]": "34"}
    data = {
        f"payment_method_data[{name.partition('[')[0]}]" + "".join(name.partition("[")[1:]): value
        for name, value in card.items()
    }

    assert browser.post("payment_intents", SALE).status_code == 401
    assert browser.get(path).status_code == 401
    assert browser.get(path, client_secret=secret).json()["status"] == "requires_payment_method"
    assert browser.post(f"{path}/confirm", data).status_code == 401
    assert browser.post(f"{path}/confirm", {**data, "client_secret": secret}).json()["status"] == "succeeded"
    assert Api(sandbox.url, "sk_test_nobody").get(path).status_code == 401
    assert api.get("payment_intents/pi_nobody").status_code == 404


def test_a_person_pays_in_the_page_and_proves_who_they_are(api: Api) -> None:
    intent = api.made("payment_intents", {**SALE, "setup_future_usage": "off_session"})
    back = "https://shop.example.com/return?booking=17"
    pages = httpx.Client(base_url=api.url, timeout=60, trust_env=False)
    page = f"/stripe/pay/{intent['client_secret']}"
    card = {"number": "4000000000000002", "expiry": "12/34", "cvc": "123", "holderName": "Ada Byron"}

    shown = pages.get(page, params={"return_url": back})
    refused = pages.post(page, params={"return_url": back}, data=card)
    told = pages.get(refused.headers["location"])
    impossible = pages.post(page, params={"return_url": back}, data={**card, "number": "4242424242424241"})
    challenged = pages.post(page, params={"return_url": back}, data={**card, "number": NUMBER})
    failed = pages.post(challenged.headers["location"], data={"password": "wrong"})
    challenged = pages.post(page, params={"return_url": back}, data={**card, "number": NUMBER})
    asked = pages.get(challenged.headers["location"])
    passed = pages.post(challenged.headers["location"], data={"password": "password"})
    over = pages.get(page, params={"return_url": back})

    assert "90.00 EUR" in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert "allow the merchant to charge this card again" in shown.text
    assert "viewport" in shown.text
    assert "<script" not in shown.text
    assert "Your card was declined." in told.text
    assert (impossible.status_code, "4242424242424241" in impossible.text) == (422, False)
    assert failed.headers["location"].startswith(f"{back}&payment_intent={intent['id']}&")
    assert failed.headers["location"].endswith("redirect_status=failed")
    assert "password" in asked.text
    assert passed.headers["location"].startswith(f"{back}&payment_intent={intent['id']}&")
    assert passed.headers["location"].endswith("redirect_status=succeeded")
    assert "This payment is succeeded." in over.text
    assert pages.get("/stripe/pay/pi_x_secret_y").status_code == 404
    assert pages.get(challenged.headers["location"]).status_code == 404
    assert "javascript" not in pages.get(page, params={"return_url": "javascript:alert(1)"}).text
    assert api.get(f"payment_intents/{intent['id']}").json()["status"] == "succeeded"


def test_card_data_rests_nowhere(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite3"
    box = Box(tmp_path, state=state)
    box.control("PUT", f"/stripe/accounts/{ACCOUNT}", {**DESCRIBED, "enabled_events": "*"})
    api = Api(box.url)
    intent = api.made("payment_intents", {**SALE, "description": f"card {SPACED}", "metadata[note]": NUMBER})
    typed = {"card[number]": SPACED, "card[exp_month]": "12", "card[exp_year]": "2034", "card[cvc]": SECURITY_CODE}
    api.post("payment_methods", {"type": "card", **typed}, key="attempt-1")
    api.post("payment_methods", {"type": "card", **typed, "card[number]": NUMBER[:-1] + "5"}, key="attempt-2")
    card = {"holderName": SPACED, "number": NUMBER, "expiryMonth": "12", "expiryYear": "2034", "cvc": SECURITY_CODE}
    box.control("POST", f"/stripe/payment_intents/{intent['id']}/pay", card)
    page = f"{box.url}/stripe/pay/{api.made('payment_intents', SALE)['client_secret']}"
    httpx.post(page, data={"number": SPACED, "expiry": "12/34", "cvc": SECURITY_CODE}, trust_env=False)
    paths = ("/requests", "/stripe/payment_intents", "/webhooks", "/money", f"/stripe/payment_intents/{intent['id']}")
    shown = [box.http.get(f"{box.url}/control{path}").text for path in paths]
    assert all(len(text) > 20 for text in shown)
    assert box.stop() == 0

    with sqlite3.connect(state) as connection:
        rows = [str(row) for row in connection.execute("SELECT * FROM documents")]
    assert any(intent["id"] in row for row in rows)
    files = [path.read_bytes().decode("latin-1") for path in tmp_path.iterdir()]
    for text in [*shown, *rows, *files]:
        assert NUMBER not in text
        assert SPACED not in text
        assert not re.search(rf"cvc[^a-z]{{1,6}}{SECURITY_CODE}", text)
