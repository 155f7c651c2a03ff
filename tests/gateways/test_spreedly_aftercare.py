"""What follows a charge at Spreedly: captures, releases, credits, and looking."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gateways.errors import AnswerLost, Rejected
from gateways.protocol import Outcome, OutcomeKind, Reference, RevokeCardRequest
from money import Money
from tests.gateways.scripted_server import ScriptedServer
from tests.gateways.spreedly_world import (
    CARD,
    GATEWAY_TOKEN,
    PAYMENT,
    capture_request,
    changed,
    refund_request,
    sample,
    spreedly_at,
    void_request,
)

K = OutcomeKind


def test_follow_ups_name_the_transaction_the_amount_and_us(server: ScriptedServer) -> None:
    spreedly = spreedly_at(server.url)
    said: list[Outcome] = []
    for name, ask in (
        ("capture_succeeded", lambda: spreedly.capture(capture_request())),
        ("void_succeeded", lambda: spreedly.void(void_request())),
        ("credit_succeeded", lambda: spreedly.refund(refund_request())),
    ):
        server.answers(sample(name))
        said.append(ask())

    assert [(asked.target.rsplit("/", 2)[1:], asked.json["transaction"]) for asked in server.asked] == [
        ([PAYMENT, "capture.json"], {"order_id": "tx-5H3JAF8V", "amount": 9000, "currency_code": "EUR"}),
        ([PAYMENT, "void.json"], {"order_id": "tx-8B6QYN2D"}),
        ([PAYMENT, "credit.json"], {"order_id": "tx-9W4TB6NE", "amount": 3000, "currency_code": "EUR"}),
    ]
    assert [(outcome.kind, outcome.money) for outcome in said] == [
        (K.CAPTURED, Money(9000, "EUR")),
        (K.VOIDED, None),
        (K.REFUNDED, Money(3000, "EUR")),
    ]
    assert {outcome.reference.payment for outcome in said} == {PAYMENT}
    assert len({outcome.event_key for outcome in said}) == 3


@pytest.mark.parametrize(
    ("name", "kind"),
    [("capture", K.CAPTURE_FAILED), ("void", K.VOID_FAILED), ("credit", K.REFUND_FAILED)],
)
def test_a_follow_up_that_the_processor_refused_has_failed(
    server: ScriptedServer, name: str, kind: OutcomeKind
) -> None:
    spreedly = spreedly_at(server.url)
    refusal = {"succeeded": False, "state": "gateway_processing_failed", "response": {"message": "Not possible"}}
    server.answers(changed(f"{name}_succeeded", **refusal), status=422)
    ask = {
        "capture": lambda: spreedly.capture(capture_request()),
        "void": lambda: spreedly.void(void_request()),
        "credit": lambda: spreedly.refund(refund_request()),
    }[name]

    outcome = ask()

    assert outcome.kind is kind
    assert outcome.decline is not None
    assert outcome.decline.raw_text == "Not possible"
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"reference_token": "TXother8nRk6ZcV1mDsJhUeFx"},
        {"order_id": None},
        {"transaction_type": "Void"},
        {"amount": None},
    ],
    ids=str,
)
def test_an_answer_about_something_else_is_no_answer(server: ScriptedServer, change: dict[str, Any]) -> None:
    server.answers(changed("credit_succeeded", **change))

    with pytest.raises(AnswerLost):
        spreedly_at(server.url).refund(refund_request())


def test_a_reference_that_is_no_token_is_not_pasted_into_an_address(server: ScriptedServer) -> None:
    spreedly = spreedly_at(server.url)

    for ask in (
        lambda: spreedly.refund(refund_request(payment_reference="../x")),
        lambda: spreedly.void(void_request(payment_reference="a b")),
        lambda: spreedly.revoke_card(RevokeCardRequest(card_token="x/../y", shopper_reference="c-1204")),
    ):
        with pytest.raises(Rejected):
            ask()
    assert spreedly.fetch(Reference(gateway="../x")) == ()
    assert server.asked == []


def test_a_charge_is_looked_for_by_our_name_from_the_newest_backwards(server: ScriptedServer) -> None:
    one = sample("purchase_succeeded")["transaction"]
    other, unknown = {**one, "order_id": "tx-OTHER", "token": "TXother8nRk6ZcV1mDsJh"}, {"token": "x"}
    server.answers({"transactions": [other, one, unknown]})

    paid, card = spreedly_at(server.url).fetch(Reference(ours="tx-2M9DKR7C"))

    (asked,) = server.asked
    parts = urlsplit(asked.target)
    assert parts.path == f"/spreedly/v1/gateways/{GATEWAY_TOKEN}/transactions.json"
    assert parse_qs(parts.query) == {"order": ["desc"], "count": ["100"]}
    assert (paid.kind, paid.reference.ours, paid.event_key) == (K.CAPTURED, "tx-2M9DKR7C", f"{PAYMENT}:succeeded")
    assert card.kind is K.CARD_STORED


def test_a_refund_long_after_its_payment_is_looked_for_among_the_newest(server: ScriptedServer) -> None:
    payment = sample("purchase_succeeded")
    refund = {**sample("credit_succeeded")["transaction"], "created_at": datetime.now(UTC).isoformat()}
    others = [{**payment["transaction"], "order_id": "tx-OTHER", "reference_token": None}] * 100
    server.turns = [(200, payment), *[(200, {"transactions": others})] * 5, (200, {"transactions": [refund]})]

    told = spreedly_at(server.url).fetch(Reference(ours=refund["order_id"], payment=PAYMENT))

    assert (told[-1].kind, told[-1].reference.ours, told[-1].reference.payment) == (
        K.REFUNDED,
        refund["order_id"],
        PAYMENT,
    )
    assert len(server.asked) == 7


def test_a_capture_is_given_back_by_its_own_name_without_being_looked_for(server: ScriptedServer) -> None:
    taken = "TXcapture4Kq9vB2yHnRe7Wm"
    credit = sample("credit_succeeded")["transaction"]
    server.answers({"transaction": {**credit, "reference_token": taken}})

    outcome = spreedly_at(server.url).refund(refund_request(taken_reference=taken))

    (asked,) = server.asked
    assert asked.target == f"/spreedly/v1/transactions/{taken}/credit.json"
    assert (outcome.kind, outcome.reference.payment) == (K.REFUNDED, PAYMENT)


def test_the_search_goes_on_for_five_pages_and_no_further_than_three_days(server: ScriptedServer) -> None:
    one = {**sample("purchase_succeeded")["transaction"], "order_id": "tx-OTHER"}
    recent = {**one, "created_at": datetime.now(UTC).isoformat()}
    spreedly = spreedly_at(server.url)
    server.answers({"transactions": [recent] * 100})

    assert spreedly.fetch(Reference(ours="tx-2M9DKR7C")) == ()
    assert [parse_qs(urlsplit(asked.target).query).get("since_token") for asked in server.asked] == [
        None,
        *[[PAYMENT]] * 4,
    ]
    server.asked.clear()
    server.answers({"transactions": [{**one, "created_at": "2020-01-01T00:00:00Z"}] * 100})
    assert spreedly.fetch(Reference(ours="tx-2M9DKR7C")) == ()
    assert len(server.asked) == 1


@pytest.mark.parametrize("reference", [Reference(), Reference(gateway=PAYMENT), Reference(ours="tx-2M9DKR7C")], ids=str)
def test_what_spreedly_does_not_know_is_no_news(server: ScriptedServer, reference: Reference) -> None:
    server.answers({"errors": [{"key": "errors.transaction_not_found"}], "transactions": []}, status=404)
    if reference.ours:
        server.answers({"transactions": []})

    assert spreedly_at(server.url).fetch(reference) == ()


def test_a_list_that_is_none_is_no_answer(server: ScriptedServer) -> None:
    server.answers({"transactions": "none"})

    with pytest.raises(AnswerLost):
        spreedly_at(server.url).fetch(Reference(ours="tx-2M9DKR7C"))


def test_a_card_is_gone_when_spreedly_has_it_no_more(server: ScriptedServer) -> None:
    spreedly, request = spreedly_at(server.url), RevokeCardRequest(card_token=CARD, shopper_reference="c-1204")
    server.answers(sample("card_redacted"))
    spreedly.revoke_card(request)
    server.answers({"errors": [{"key": "errors.payment_method_not_found"}]}, status=404)
    spreedly.revoke_card(request)

    assert [(asked.method, asked.target) for asked in server.asked] == [
        ("PUT", f"/spreedly/v1/payment_methods/{CARD}/redact.json")
    ] * 2
    server.answers({"transaction": {**sample("purchase_succeeded")["transaction"], "payment_method": {}}})
    with pytest.raises(AnswerLost):
        spreedly.revoke_card(request)
