"""Exponents, scrubbing, the HTTP client, the registry and the checks: what every adapter stands on."""

import logging
import re
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest
from django.contrib import admin
from django.core import checks as django_checks
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from gateways.adapters.adyen.wire import EXPONENTS as ADYEN_EXPONENTS
from gateways.adapters.external.gateway import ExternalGateway
from gateways.checks import check_accounts, check_gateways
from gateways.errors import AnswerLost, MisconfiguredAccount, NotSent, Rejected
from gateways.exponents import Exponents, InexactAmount, UnknownPair
from gateways.http import HttpClient, json_object
from gateways.models import Environment, GatewayAccount
from gateways.registry import account_problems, gateway_class, gateway_for
from gateways.scrubbing import scrub
from money import EXPONENTS, Money, MoneyError
from tests.gateways.adyen_world import credentials
from tests.gateways.scripted_server import ScriptedServer, closed_port

ADYEN_CURRENCIES = sorted(set(EXPONENTS) - {"BIF"})


@pytest.mark.parametrize(
    ("table", "currency", "step"),
    [
        (Exponents(), "EUR", 1),
        (Exponents(differing={"IDR": 0}), "IDR", 100),
        (Exponents(differing={"JPY": 2}), "JPY", 1),
        (Exponents(steps={"KWD": 10}), "KWD", 10),
        (Exponents(differing={"JPY": 2}, steps={"JPY": 1000}), "JPY", 10),
        (Exponents(differing={"KWD": 2}, steps={"KWD": 5}), "KWD", 50),
    ],
)
def test_the_least_step_is_the_least_amount_that_can_be_told(table: Exponents, currency: str, step: int) -> None:
    assert table.least_step(currency) == step
    for minor in range(1, step):
        with pytest.raises(InexactAmount):
            table.minor_of(Money(minor, currency))
    assert table.minor_of(Money(step, currency)) > 0


@given(currency=st.sampled_from(ADYEN_CURRENCIES), minor=st.integers(-(10**15), 10**15))
def test_conversion_is_exact_or_refused(currency: str, minor: int) -> None:
    money = Money(minor, currency)
    try:
        told = ADYEN_EXPONENTS.minor_of(money)
    except InexactAmount:
        assert ADYEN_EXPONENTS.exponent(currency) < EXPONENTS[currency]
        assert minor % 10 ** (EXPONENTS[currency] - ADYEN_EXPONENTS.exponent(currency)) != 0
        return

    assert ADYEN_EXPONENTS.money_of(told, currency) == money
    assert told * 10 ** EXPONENTS[currency] == minor * 10 ** ADYEN_EXPONENTS.exponent(currency)


@given(currency=st.sampled_from(sorted(EXPONENTS)), minor=st.integers(-(10**15), 10**15))
def test_a_gateway_that_follows_the_standard_changes_nothing(currency: str, minor: int) -> None:
    assert Exponents().minor_of(Money(minor, currency)) == minor


def test_adyen_differs_from_the_standard_in_four_currencies_and_knows_not_one() -> None:
    differing = {code: ADYEN_EXPONENTS.exponent(code) for code in ADYEN_CURRENCIES}

    assert {code: n for code, n in differing.items() if n != EXPONENTS[code]} == {
        "CLP": 2,
        "CVE": 0,
        "IDR": 0,
        "ISK": 2,
    }
    with pytest.raises(UnknownPair):
        ADYEN_EXPONENTS.exponent("BIF")


@pytest.mark.parametrize("currency", ["XXX", "eur", ""])
def test_a_currency_nobody_knows_is_refused(currency: str) -> None:
    with pytest.raises(MoneyError):
        ADYEN_EXPONENTS.exponent(currency)


@pytest.mark.parametrize("minor", [True, 1.0, "1", None])
def test_only_whole_numbers_are_amounts(minor: Any) -> None:
    with pytest.raises(MoneyError):
        ADYEN_EXPONENTS.money_of(minor, "EUR")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("4111111111111111", "************1111"),
        ("pay 4111 1111 1111 1111 now", "pay **** **** **** 1111 now"),
        ("3700-0000-0000-002", "****-****-***0-002"),
        ("4111111111111112", "4111111111111112"),
        ("QFQTPCQ8HXSKGK82", "QFQTPCQ8HXSKGK82"),
        ("a\x00b\ud800c", "abc"),
        ("4111\x0011111111\ud8001111", "************1111"),
    ],
)
def test_card_numbers_and_unstorable_letters_are_scrubbed(text: str, shown: str) -> None:
    assert scrub({"note": [text]}, ()) == {"note": [shown]}


def test_secret_fields_are_blanked_at_any_depth_and_in_any_case() -> None:
    message = {"a": [{"CVC": "737", "b": 1}], "holderName": {"first": "Ada"}, "cvc": None, "n": 4111111111111111}

    assert scrub(message, {"cvc", "holdername"}) == {
        "a": [{"CVC": "***", "b": 1}],
        "holderName": "***",
        "cvc": None,
        "n": "************1111",
    }


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )
)
def test_scrubbing_twice_changes_nothing_more(value: Any) -> None:
    once = scrub(value, {"secret"})

    assert scrub(once, {"secret"}) == once


def client(**more: Any) -> HttpClient:
    return HttpClient(gateway="adyen", secret_fields={"cvc"}, **{"read_seconds": 60, "total_seconds": 60, **more})


def test_an_answer_comes_back_whatever_its_status(server: ScriptedServer) -> None:
    server.answers({"a": 1.10}, status=418, Mood="calm")

    answer = client().send("brew", "POST", f"{server.url}/tea?milk=no", headers={"X-Cup": "2"}, body=b"{}")

    assert (answer.status, answer.headers["mood"]) == (418, "calm")
    assert str(answer.json_object()) == "{'a': Decimal('1.1')}"
    assert (server.asked[0].target, server.asked[0].headers["x-cup"]) == ("/tea?milk=no", "2")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"1",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"a": 1e99999999999999999999}',
    ],
    ids=range(9),
)
def test_what_is_no_json_object_is_none(body: bytes) -> None:
    assert json_object(body) is None


@pytest.mark.parametrize("behavior", ["hang", "close", "reset", "truncate", "drip"])
def test_a_broken_answer_is_lost_and_never_asked_for_again(server: ScriptedServer, behavior: str) -> None:
    server.misbehaves(behavior)

    with pytest.raises(AnswerLost):
        client(read_seconds=0.5, total_seconds=0.8).send("brew", "POST", server.url, headers={}, body=b"{}")

    assert len(server.asked) == 1


def test_an_answer_without_end_is_cut(server: ScriptedServer) -> None:
    server.misbehaves("flood")

    with pytest.raises(AnswerLost, match="larger"):
        client().send("brew", "GET", server.url, headers={})


def test_no_connection_means_not_sent() -> None:
    with closed_port() as address, pytest.raises(NotSent):
        client().send("brew", "POST", address, headers={}, body=b"{}")
    with pytest.raises(NotSent):
        client().send("brew", "POST", "http://nobody.invalid/", headers={}, body=b"{}")


def test_a_server_without_tls_was_not_spoken_to(server: ScriptedServer) -> None:
    with pytest.raises(NotSent):
        client().send("brew", "POST", server.url.replace("http:", "https:"), headers={}, body=b"{}")

    assert server.asked == []


def test_a_proxy_of_the_environment_is_used(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, server.url)
    monkeypatch.setenv("no_proxy", "direct.example.com")
    server.answers({"status": "fine"})

    answer = client().send("brew", "GET", "http://adyen.example.com/tea", headers={})
    with pytest.raises(NotSent):
        client().send("brew", "GET", "https://adyen.example.com/tea", headers={"x-api-key": "secret"})

    assert answer.json_object() == {"status": "fine"}
    assert [(asked.method, asked.target) for asked in server.asked[:2]] == [
        ("GET", "http://adyen.example.com/tea"),
        ("CONNECT", "adyen.example.com:443"),
    ]
    assert "secret" not in str([asked.headers for asked in server.asked])


def test_this_machine_is_never_reached_through_a_proxy(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.answers({})

    assert client().send("brew", "GET", f"{server.url}/tea", headers={}).status == 200


@pytest.mark.parametrize(
    ("url", "headers"),
    [("ftp://127.0.0.1/", {}), ("//127.0.0.1", {}), ("{server}/a b", {}), ("{server}", {"Key": "a\r\nX: b"})],
)
def test_what_is_no_http_is_rejected(server: ScriptedServer, url: str, headers: dict[str, str]) -> None:
    with pytest.raises(Rejected):
        client().send("brew", "POST", url.format(server=server.url), headers=headers, body=b"{}")

    assert server.asked == []


def test_the_transcript_is_scrubbed_and_off_by_default(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers({"cvc": "737", "note": "4111111111111111", "status": "fine"})

    with caplog.at_level(logging.INFO):
        client().send("brew", "POST", server.url, headers={}, body=b'{"cvc": "737"}')
    quiet = str([record.msg for record in caplog.records])
    with caplog.at_level(logging.DEBUG):
        client().send("brew", "POST", server.url, headers={"authorization": "very secret"}, body=b'{"cvc": "737"}')
    # A time of day may well have a 737 in it.
    loud = re.sub(r"'timestamp': '[^']*'", "", str([record.msg for record in caplog.records]))

    assert "gateway_answered" in quiet
    assert "gateway_transcript" not in quiet
    assert "gateway_transcript" in loud
    assert "fine" in loud
    assert not {"737", "4111111111111111", "very secret"} & {
        word for word in ("737", "4111111111111111", "very secret") if word in loud
    }


def account(slug: str = "adyen-eu", **more: Any) -> GatewayAccount:
    fields = {
        "slug": slug,
        "name": "Tours",
        "gateway": "adyen",
        "environment": Environment.TEST,
        "currencies": ["EUR"],
        "sources": ["ECOM"],
    }
    return GatewayAccount(**{**fields, **more})


def test_a_gateway_is_built_once_and_again_when_its_credentials_change() -> None:
    first = credentials("http://127.0.0.1:9")
    with override_settings(GATEWAY_CREDENTIALS={"adyen-eu": first}):
        built = gateway_for(account())
        assert gateway_for(account()) is built
    with override_settings(GATEWAY_CREDENTIALS={"adyen-eu": {**first, "api_key": "rotated"}}):
        assert gateway_for(account()) is not built


def test_two_accounts_never_share_a_gateway() -> None:
    both = {"adyen-eu": credentials("http://127.0.0.1:9"), "adyen-us": credentials("http://127.0.0.1:9")}
    with override_settings(GATEWAY_CREDENTIALS=both):
        assert gateway_for(account()) is not gateway_for(account("adyen-us"))


class _Slow(ExternalGateway):
    """Take long to be built, so that threads which ask at once are sure to meet."""

    built: ClassVar[list[str]] = []

    def __init__(self, credentials: Mapping[str, str]) -> None:
        super().__init__(credentials)
        self.built.append("one")
        time.sleep(0.1)


def test_threads_that_ask_at_once_get_the_same_gateway() -> None:
    barrier = threading.Barrier(8)

    def ask() -> int:
        barrier.wait()
        return id(gateway_for(account("slow", gateway="slow")))

    with override_settings(GATEWAYS={"slow": "tests.gateways.test_foundations._Slow"}), ThreadPoolExecutor(8) as pool:
        answers = {future.result() for future in [pool.submit(ask) for _ in range(8)]}

    assert len(answers) == 1
    assert _Slow.built == ["one"]


@override_settings(GATEWAY_CREDENTIALS={"adyen-eu": {"api_key": "k", "hmac_keys": "zz"}})
def test_missing_credentials_are_named_as_environment_variables() -> None:
    with pytest.raises(MisconfiguredAccount) as caught:
        gateway_for(account())

    text = str(caught.value)
    assert "GATEWAY_ADYEN_EU__MERCHANT_ACCOUNT" in text
    assert "GATEWAY_ADYEN_EU__HMAC_KEYS" in text
    assert "GATEWAY_ADYEN_EU__API_KEY" not in text
    assert "zz" not in text


def test_an_account_of_no_gateway_is_misconfigured() -> None:
    with pytest.raises(MisconfiguredAccount, match="no gateway 'paypal'"):
        gateway_for(account(gateway="paypal"))


def test_an_external_account_needs_no_credentials() -> None:
    assert gateway_for(account("till", gateway="external")).slug == "external"


@pytest.mark.parametrize(
    ("change", "environment", "problem"),
    [
        ({"checkout_base_url": "http://127.0.0.1:8100/adyen/v72"}, Environment.TEST, "CHECKOUT_BASE_URL"),
        ({"checkout_base_url": "https://localhost/v72"}, Environment.TEST, "CHECKOUT_BASE_URL"),
        ({"checkout_base_url": "https://10.0.0.7/v72"}, Environment.TEST, "CHECKOUT_BASE_URL"),
        ({"checkout_base_url": "https://sandbox:8100/v72"}, Environment.TEST, "CHECKOUT_BASE_URL"),
        ({"checkout_base_url": "http://checkout-test.adyen.com/v72"}, Environment.TEST, "CHECKOUT_BASE_URL"),
        ({"checkout_base_url": ""}, Environment.LIVE, "ENVIRONMENT"),
        ({"checkout_base_url": "", "environment": "live", "live_prefix": "p"}, Environment.TEST, "ENVIRONMENT"),
        ({"checkout_base_url": ""}, Environment.TEST, None),
        ({"checkout_base_url": "", "environment": "live-us", "live_prefix": "p"}, Environment.LIVE, None),
    ],
    ids=str,
)
def test_production_refuses_stand_ins_and_mixed_environments(
    change: dict[str, str], environment: Environment, problem: str | None
) -> None:
    given_credentials = {"adyen-eu": {**credentials("http://127.0.0.1:9"), **change}}
    with override_settings(GATEWAY_CREDENTIALS=given_credentials, SETTINGS_MODULE="config.settings.production"):
        found = account_problems(account(environment=environment))

        assert [f"GATEWAY_ADYEN_EU__{problem}" in text for text in found] == ([True] if problem else [])
        if problem:
            with pytest.raises(MisconfiguredAccount):
                gateway_for(account(environment=environment))
    with override_settings(GATEWAY_CREDENTIALS=given_credentials):
        assert account_problems(account(environment=environment)) == ()


def test_the_gateways_of_the_settings_pass_their_checks() -> None:
    assert check_gateways() == []
    assert {check_gateways, check_accounts} <= set(django_checks.registry.registry.get_checks())


class _Half:
    slug = "half"
    capabilities: frozenset[str] = frozenset()


class _Twin(ExternalGateway):
    slug = "twin"


@pytest.mark.parametrize(
    ("gateways", "ids"),
    [
        ({"paypal": "gateways.adapters.paypal.gateway.PaypalGateway"}, ["gateways.E001"]),
        ({"external": "gateways.adapters.adyen.gateway.AdyenGateway"}, ["gateways.E002"]),
        ({"half": "tests.gateways.test_foundations._Half"}, ["gateways.E003"]),
        (
            {
                "external": "gateways.adapters.external.gateway.ExternalGateway",
                "twin": "tests.gateways.test_foundations._Twin",
            },
            ["gateways.E004"],
        ),
    ],
)
def test_a_gateway_that_cannot_work_is_found_at_start(gateways: dict[str, str], ids: list[str]) -> None:
    with override_settings(GATEWAYS=gateways):
        assert [message.id for message in check_gateways()] == ids


@pytest.mark.django_db
def test_an_active_account_without_credentials_is_found_at_start() -> None:
    account("adyen-new").save()
    account("adyen-old", is_active=False).save()

    with override_settings(GATEWAY_CREDENTIALS={}):
        warnings = check_accounts(databases=["default"])
        with override_settings(SETTINGS_MODULE="config.settings.production"):
            errors = check_accounts(databases=["default"])

    assert [(message.id, "adyen-new" in message.msg) for message in warnings] == [("gateways.W005", True)]
    assert [(message.id, "adyen-new" in message.msg) for message in errors] == [("gateways.E005", True)]
    assert check_accounts(databases=[]) == []


@pytest.mark.django_db
def test_an_account_that_takes_card_numbers_in_vain_is_found_at_start() -> None:
    account("adyen-new", takes_raw_cards=True).save()
    account("elsewhere", gateway="external", takes_raw_cards=True).save()
    account("gone", gateway="paypal", takes_raw_cards=True).save()

    found = [message for message in check_accounts(databases=["default"]) if message.id == "gateways.E006"]

    assert ["elsewhere" in message.msg for message in found] == [True]


@pytest.mark.django_db
def test_the_admin_freezes_what_payments_were_made_under(rf: Any) -> None:
    registered = admin.site._registry[GatewayAccount]
    existing = account()
    existing.save()

    assert set(registered.get_readonly_fields(rf.get("/"), existing)) == {
        "slug",
        "gateway",
        "environment",
        "rests_until",
        "created_at",
    }
    assert set(registered.get_readonly_fields(rf.get("/"))) == {"rests_until", "created_at"}
    assert registered.has_delete_permission(rf.get("/"), existing) is False


def test_every_class_in_the_settings_can_be_imported() -> None:
    assert gateway_class("adyen").__name__ == "AdyenGateway"
