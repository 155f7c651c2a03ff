"""What is fetched from Viva once and kept: the access token, and the key of the webhooks."""

import base64
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from gateways.adapters.viva.calls import Refused
from gateways.adapters.viva.keeping import Kept
from gateways.errors import AnswerLost, Busy, NotSent, Rejected
from gateways.protocol import OutcomeKind
from tests.gateways.scripted_server import ScriptedServer, scripted_server
from tests.gateways.viva_world import (
    API_KEY,
    CLIENT_ID,
    CLIENT_SECRET,
    MERCHANT,
    open_request,
    sample,
    viva_at,
)
from tests.processes import is_inside, wait_until

K = OutcomeKind
BASIC = "Basic " + base64.b64encode(f"{MERCHANT}:{API_KEY}".encode()).decode()


@pytest.fixture
def identity() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        running.answers(sample("token"))
        yield running


def test_a_token_is_asked_for_once_and_again_when_it_is_refused(
    server: ScriptedServer, identity: ScriptedServer
) -> None:
    server.answers(sample("order_created"))
    gateway = viva_at(server.url, accounts_base_url=identity.url)
    gateway.open(open_request())
    gateway.open(open_request())

    (asked,) = identity.asked
    assert (asked.method, asked.target, asked.body) == ("POST", "/connect/token", b"grant_type=client_credentials")
    encoded = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    assert asked.headers["authorization"] == f"Basic {encoded}"

    server.answers({}, status=401)
    with pytest.raises(Rejected):
        gateway.open(open_request())
    assert len(identity.asked) == 2
    assert len(server.asked) == 4


def test_a_token_is_replaced_before_it_runs_out(server: ScriptedServer, identity: ScriptedServer) -> None:
    server.answers(sample("order_created"))
    identity.answers({**sample("token"), "expires_in": 0})
    gateway = viva_at(server.url, accounts_base_url=identity.url)
    gateway.open(open_request())
    gateway.open(open_request())

    assert len(identity.asked) == 2


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (400, {"error": "invalid_client"}, Rejected),
        (401, {}, Rejected),
        (429, {}, Busy),
        (500, {}, NotSent),
        (302, {}, NotSent),
        (200, b"no json", NotSent),
        (200, {"access_token": "", "expires_in": 3600}, NotSent),
        (200, {"access_token": "two words", "expires_in": 3600}, NotSent),
        (200, {"access_token": "x", "expires_in": "3600"}, NotSent),
    ],
    ids=str,
)
def test_without_a_token_nothing_is_sent(
    server: ScriptedServer, identity: ScriptedServer, status: int, body: Any, problem: type[Exception]
) -> None:
    identity.answers(body, status=status)

    with pytest.raises(problem):
        viva_at(server.url, accounts_base_url=identity.url).open(open_request())

    assert server.asked == []


def test_a_token_that_never_comes_leaves_the_payment_untouched(
    server: ScriptedServer, identity: ScriptedServer
) -> None:
    identity.misbehaves("hang")

    with pytest.raises(NotSent):
        viva_at(server.url, accounts_base_url=identity.url, timeout_seconds="0.3").open(open_request())

    assert server.asked == []


def test_who_waits_for_the_same_fetch_shares_what_comes_of_it() -> None:
    kept, fetched, may_go = Kept("a thing"), [], threading.Event()

    def fetch() -> tuple[str, float]:
        fetched.append(1)
        may_go.wait(60)
        raise Rejected("no")

    said: list[str] = []

    def ask() -> None:
        try:
            kept.get(fetch, wait_seconds=60)
        except Rejected as problem:
            said.append(str(problem))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: all(is_inside(thread, "wait") for thread in threads), what="one fetching and all others waiting")
    with pytest.raises(NotSent):
        kept.get(fetch, wait_seconds=0.01)
    may_go.set()
    for thread in threads:
        thread.join()

    assert said == ["no"] * 4
    assert fetched == [1]
    assert kept.get(lambda: ("new", 60.0), wait_seconds=0) == "new"
    kept.forget("old")
    assert kept.get(fetch, wait_seconds=0) == "new"


def test_the_webhook_key_is_fetched_once(server: ScriptedServer) -> None:
    server.answers(sample("webhook_key"))
    gateway = viva_at(server.url)

    assert gateway.greet_webhook().body == gateway.greet_webhook().body == '{"Key": "A61D0B7C5E4F4A12"}'
    (asked,) = server.asked
    assert (asked.target, asked.headers["authorization"]) == ("/viva/www/api/messages/config/token", BASIC)


def test_a_webhook_key_that_cannot_be_had_is_no_greeting_and_is_not_asked_for_again_at_once(
    server: ScriptedServer,
) -> None:
    server.answers({"message": "no"}, status=400)
    gateway = viva_at(server.url)

    for _ in range(3):
        with pytest.raises(Refused):
            gateway.greet_webhook()

    assert len(server.asked) == 1


def test_while_the_webhook_key_is_on_its_way_nobody_else_waits_for_it(server: ScriptedServer) -> None:
    server.answers(sample("webhook_key"))
    server.turns = ["hang"]
    gateway = viva_at(server.url, timeout_seconds="12")

    def ask() -> None:
        with pytest.raises(AnswerLost):
            gateway.greet_webhook()

    first = threading.Thread(target=ask)
    first.start()
    wait_until(lambda: len(server.asked) == 1, what="the key being asked for")

    with pytest.raises(NotSent):
        gateway.greet_webhook()

    assert first.is_alive()
    server.release()
    first.join(60)
    assert len(server.asked) == 1
