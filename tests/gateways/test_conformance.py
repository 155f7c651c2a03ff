"""Every gateway of the settings keeps the protocol: capabilities, three answers, canonical keys, no secrets."""

import dataclasses
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders

from gateways.checks import VERBS
from gateways.errors import (
    AnswerLost,
    Busy,
    ErrorCode,
    GatewayError,
    InvalidSignature,
    KeyRefused,
    NotSent,
    Unsupported,
)
from gateways.exponents import UnknownPair
from gateways.protocol import Capability, ExternalCharge, Gateway, Opened, Outcome, OutcomeKind
from gateways.registry import gateway_class
from money import EXPONENTS, Money
from tests.gateways.examples import Examples
from tests.gateways.scripted_server import ScriptedServer, closed_port
from tests.gateways.world import World

WIRED = ("open", "charge", "complete", "capture", "void", "refund", "revoke_card")
EUROS = Money(9000, "EUR")


def world_of(slug: str) -> World:
    found: World = getattr(import_module(f"tests.gateways.{slug}_world"), f"{slug.capitalize()}World")()
    return found


def verbs(world: World, gateway: Gateway, money: Money = EUROS) -> dict[str, Callable[[], Any]]:
    return {
        "open": lambda: gateway.open(world.open_request(money)),
        "charge": lambda: gateway.charge(world.charge_request(money)),
        "complete": lambda: gateway.complete(world.complete_request()),
        "capture": lambda: gateway.capture(world.capture_request(money)),
        "void": lambda: gateway.void(world.void_request()),
        "refund": lambda: gateway.refund(world.refund_request(money)),
        "fetch": lambda: gateway.fetch(world.fetch_reference()),
        "close": lambda: gateway.close(world.fetch_reference()),
        "revoke_card": lambda: gateway.revoke_card(world.revoke_request()),
    }


def declared(gateway: type[Gateway] | Gateway) -> frozenset[str]:
    return frozenset(VERBS[capability] for capability in gateway.capabilities)


SLUGS = sorted(settings.GATEWAYS)
CALLS = [
    pytest.param(slug, verb, id=f"{slug}-{verb}")
    for slug in SLUGS
    for verb in WIRED
    if verb in world_of(slug).answers()
]


@pytest.fixture(params=SLUGS)
def world(request: pytest.FixtureRequest) -> World:
    return world_of(request.param)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


@pytest.mark.parametrize("slug", SLUGS)
def test_the_class_behind_a_slug_answers_to_it(slug: str) -> None:
    assert gateway_class(slug).slug == slug


def test_a_verb_works_exactly_when_its_capability_is_declared(world: World, server: ScriptedServer) -> None:
    server.answers({}, status=503)
    gateway = world.gateway(server.url)

    unsupported = set()
    for name, verb in verbs(world, gateway).items():
        try:
            verb()
        except Unsupported:
            unsupported.add(name)
        except GatewayError:
            pass

    # Not every gateway that keeps cards documents a way to delete one.
    may_lack = {"revoke_card"} if Capability.STORE_CARD in gateway.capabilities else set()
    assert unsupported - may_lack == set(verbs(world, gateway)) - declared(gateway) - may_lack


def test_a_gateway_without_a_wire_calls_nobody(world: World, server: ScriptedServer) -> None:
    server.answers({}, status=503)
    gateway = world.gateway(server.url)

    for verb in verbs(world, gateway).values():
        with suppress(GatewayError):
            verb()

    assert bool(server.asked) is gateway.has_wire


def test_a_gateway_without_webhooks_says_so_and_reads_none(world: World) -> None:
    gateway = world.gateway("http://127.0.0.1:9")
    if Capability.WEBHOOKS in gateway.capabilities:
        assert world.genuine()
        assert world.forged()
        return

    for verb in (gateway.verify_webhook, gateway.read_webhook):
        with pytest.raises(Unsupported):
            verb(None)  # type: ignore[arg-type]


def test_a_card_and_an_external_payment_are_charged_only_where_declared(world: World, server: ScriptedServer) -> None:
    server.answers({}, status=503)
    gateway = world.gateway(server.url)
    examples = Examples(opening="none", payment="none", card="M5N7TQ4TG5PFWR50")
    by_card = examples.charge_request()
    elsewhere = examples.charge_request(card_token=None, external=ExternalCharge(is_approved=True))

    for capability, request in ((Capability.CHARGE_STORED_CARD, by_card), (Capability.CHARGE_EXTERNAL, elsewhere)):
        if capability in gateway.capabilities:
            continue
        with pytest.raises(Unsupported):
            gateway.charge(request)
        assert server.asked == []


def test_every_documented_refusal_becomes_one_of_the_six_codes(world: World) -> None:
    refusals = world.refusals()

    assert refusals
    assert {type(refusal.code) for refusal in refusals} == {ErrorCode}


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize("currency", sorted(EXPONENTS))
def test_every_currency_survives_the_way_there_and_back_or_is_refused(slug: str, currency: str) -> None:
    exponents = gateway_class(slug).exponents
    try:
        exponents.exponent(currency)
    except UnknownPair:
        with pytest.raises(UnknownPair):
            exponents.minor_of(Money(100, currency))
        return

    money = Money(123_000, currency)

    assert exponents.money_of(exponents.minor_of(money), currency) == money


@pytest.mark.parametrize("money", [Money(1500, "JPY"), Money(1234, "EUR"), Money(12_345, "KWD")], ids=str)
def test_zero_two_and_three_decimals_are_told_exactly(world: World, server: ScriptedServer, money: Money) -> None:
    server.answers({}, status=503)
    gateway, money = world.gateway(server.url), world.tellable(money)
    if not world.answers():
        assert gateway.charge(world.charge_request(money)).money == money
        return

    telling = [verb for verb in ("open", "charge", "capture", "refund") if verb in world.answers()]
    for verb in telling:
        with pytest.raises(AnswerLost):
            verbs(world, gateway, money)[verb]()

    assert telling
    assert [world.amount_told(asked, money) for asked in server.asked] == [(money.minor, money.currency)] * len(telling)


def test_one_fact_told_twice_has_one_delivery_key_and_one_event_key(world: World) -> None:
    gateway = world.gateway("http://127.0.0.1:9")

    for delivery in world.genuine():
        again = dataclasses.replace(delivery, body=delivery.body)
        assert gateway.verify_webhook(delivery) == gateway.verify_webhook(again)
        first, second = gateway.read_webhook(delivery), gateway.read_webhook(again)
        assert [news.event_key for news in first] == [news.event_key for news in second]
        assert all(0 < len(news.event_key) <= 160 for news in first)
    keys = [gateway.verify_webhook(delivery).delivery_key for delivery in world.genuine()]
    assert len(keys) == len(set(keys))


def test_our_page_knows_what_it_needs_wherever_a_guest_can_pay(world: World) -> None:
    gateway = world.gateway("http://127.0.0.1:9")
    page = gateway.checkout_page()

    assert (page is not None) is (Capability.OPEN in gateway.capabilities)
    if page is None:
        return
    assert bool(page.script) is bool(page.vendor_scripts)
    assert not page.script or finders.find(page.script) is not None
    for source in [*page.vendor_scripts, *page.vendor_styles]:
        parts = urlsplit(source)
        directive = "script-src" if source in page.vendor_scripts else "style-src"
        assert f"{parts.scheme}://{parts.netloc}" in page.allows[directive]
    allowed = {source for sources in page.allows.values() for source in sources}
    assert allowed & {"'unsafe-inline'", "'unsafe-eval'", "*"} == set()


def test_what_is_not_proved_is_refused(world: World) -> None:
    gateway = world.gateway("http://127.0.0.1:9")

    for delivery in world.forged():
        with pytest.raises(InvalidSignature):
            gateway.verify_webhook(delivery)


@pytest.mark.parametrize(("slug", "verb"), CALLS)
@pytest.mark.parametrize("behavior", ["hang", "close", "reset", "truncate", "drip", "flood"])
def test_an_answer_that_does_not_come_whole_leaves_the_outcome_unknown(
    slug: str, verb: str, behavior: str, server: ScriptedServer
) -> None:
    world = world_of(slug)
    server.misbehaves(behavior)
    impatient = world.gateway(server.url, timeout_seconds="0.4")

    with pytest.raises(AnswerLost):
        verbs(world, impatient)[verb]()

    assert len(server.asked) == 1


@pytest.mark.parametrize(("slug", "verb"), CALLS)
def test_a_refused_connection_means_nothing_was_sent(slug: str, verb: str) -> None:
    world = world_of(slug)

    with closed_port() as address, pytest.raises(NotSent):
        verbs(world, world.gateway(address))[verb]()


@pytest.mark.parametrize(("slug", "verb"), CALLS)
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_never_a_no(slug: str, verb: str, status: int, server: ScriptedServer) -> None:
    world = world_of(slug)
    server.answers(b"<html>Bad gateway</html>", status=status)

    with pytest.raises(AnswerLost):
        verbs(world, world.gateway(server.url))[verb]()

    assert len(server.asked) == 1


@pytest.mark.parametrize(("slug", "verb"), [call for call in CALLS if call.values[1] != "revoke_card"])
@pytest.mark.parametrize(
    "garbage",
    [b"", b"OK", b"[]", b"{}", b"null", b'{"a": NaN}', b"[" * 5000, b'{"resultCode": "Authorised"}', b"\xff\xfe"],
    ids=str,
)
def test_garbage_with_status_200_is_never_a_word(slug: str, verb: str, garbage: bytes, server: ScriptedServer) -> None:
    world = world_of(slug)
    server.answers(garbage)

    with pytest.raises(AnswerLost):
        verbs(world, world.gateway(server.url))[verb]()


@pytest.mark.parametrize(("slug", "verb"), CALLS)
def test_too_many_requests_means_ask_again_later(slug: str, verb: str, server: ScriptedServer) -> None:
    world = world_of(slug)
    server.answers({}, status=429)

    with pytest.raises(Busy):
        verbs(world, world.gateway(server.url))[verb]()


@pytest.mark.parametrize(("slug", "verb"), CALLS)
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_our_fault_and_no_decline(slug: str, verb: str, status: int, server: ScriptedServer) -> None:
    world = world_of(slug)
    server.answers({}, status=status)

    with pytest.raises(KeyRefused):
        verbs(world, world.gateway(server.url))[verb]()


@pytest.mark.parametrize(("slug", "verb"), CALLS)
def test_a_redirect_is_not_followed(slug: str, verb: str, server: ScriptedServer) -> None:
    world = world_of(slug)
    server.answers({}, status=307, Location=f"{server.url}/elsewhere")

    with pytest.raises(AnswerLost):
        verbs(world, world.gateway(server.url))[verb]()

    assert len(server.asked) == 1


def test_good_answers_are_words_about_what_was_asked(world: World, server: ScriptedServer) -> None:
    gateway = world.gateway(server.url)

    for verb, (status, answer) in world.answers().items():
        server.answers(answer, status=status)
        said = verbs(world, gateway, Money(3000, "EUR") if verb == "refund" else EUROS)[verb]()
        for outcome in said if isinstance(said, tuple) else (said,):
            if isinstance(outcome, Outcome):
                assert outcome.kind is not OutcomeKind.DECLINED
                assert outcome.reference.gateway
                assert outcome.event_key
            else:
                assert verb == "revoke_card" or isinstance(outcome, Opened)


def test_no_secret_comes_out_anywhere(world: World, server: ScriptedServer, log: pytest.LogCaptureFixture) -> None:
    gateway = world.gateway(server.url)
    said = [repr(gateway), str(vars(gateway))]

    for verb, (status, answer) in world.answers().items():
        card = {"paymentMethod": {"number": "4111111111111111", "cvc": "737"}}
        loud = {**answer, **card, "note": "4111 1111 1111 1111"} if isinstance(answer, dict) else answer
        for scripted in ((loud, status), (loud, 400), (loud, 422), (loud, 500), (b"4111111111111111", 200)):
            server.answers(scripted[0], status=scripted[1])
            try:
                found = verbs(world, gateway)[verb]()
            except GatewayError as problem:
                said.append(
                    f"{problem!r} {problem} {vars(problem)} {problem.__cause__!r} {problem.__suppress_context__}"
                )
            else:
                said.append(repr(found))
                outcomes = found if isinstance(found, tuple) else (found,)
                said.extend(json.dumps(getattr(outcome, "raw", None)) for outcome in outcomes)
    for delivery in world.genuine():
        said.extend([repr(delivery), repr(gateway.verify_webhook(delivery))])
        for news in gateway.read_webhook(delivery):
            said.extend([repr(news), json.dumps(dict(news.raw)), news.event_key, repr(news.reference)])

    everything = "\n".join([*said, log.text, *(str(record.__dict__) for record in log.records)])
    assert [secret for secret in world.secrets if secret in everything] == []
    assert "4111111111111111" not in everything
    assert "4111 1111 1111 1111" not in everything
    assert not world.answers() or "gateway_answered" in everything
