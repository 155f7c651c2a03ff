"""Refunds at CardGate, and what an invoice says when it is asked for."""

from typing import Any

import pytest

from gateways.errors import AnswerLost, Rejected
from gateways.protocol import OutcomeKind, Reference
from money import Money
from tests.gateways.cardgate_world import (
    INSTANT,
    INVOICE,
    TOKEN,
    cardgate_at,
    charged,
    complete_request,
    invoice,
    listed,
    open_request,
    paths,
    refund_request,
    sample,
)
from tests.gateways.scripted_server import ScriptedServer

K = OutcomeKind
API, SALE = "/cardgate/payment-invoices", "/cardgate/payment/sale"
DUPLICATE, UNKNOWN_TOKEN = sample("duplicate_reference"), sample("unknown_token")


def test_a_refund_is_told_with_the_name_both_sides_know(server: ScriptedServer) -> None:
    server.answers(sample("invoice_partially_refunded"))

    outcome = cardgate_at(server.url).refund(refund_request())

    (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", f"{API}/{INVOICE}/refund")
    assert b'"amount":30.00' in asked.body
    assert asked.json["data"] == {
        "type": "refund",
        "id": INVOICE,
        "attributes": {"amount": 30.0, "reference_id": "tx-9W4TB6NE"},
    }
    assert (outcome.kind, outcome.money) == (K.REFUNDED, Money(3000, "EUR"))
    assert outcome.reference.ours == "tx-9W4TB6NE"
    assert (outcome.reference.gateway, outcome.reference.payment) == ("rfd_C6wNq3VtZ8kXm2Lb", INVOICE)
    assert outcome.event_key == f"{INVOICE}:refund:tx-9W4TB6NE:refunded"


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"status": "refunded", "refunded_amount": 30}, K.REFUNDED),
        ({"status": "partially_refunded", "refunded_amount": 55.5}, K.REFUNDED),
        ({"status": "refund_pending"}, K.PENDING),
        ({"status": "refunding"}, K.PENDING),
        ({"status": "refund_error"}, K.PENDING),
        ({"status": "refund_failed", "resolution": "provider_error"}, K.REFUND_FAILED),
    ],
    ids=str,
)
def test_a_refund_that_no_list_names_is_told_by_the_invoice(
    server: ScriptedServer, changes: dict[str, Any], kind: OutcomeKind
) -> None:
    server.answers(invoice(**changes))

    outcome = cardgate_at(server.url).refund(refund_request())

    assert (outcome.kind, outcome.money) == (kind, Money(3000, "EUR"))
    assert outcome.reference.gateway == "tx-9W4TB6NE"
    assert (outcome.decline is not None) is (kind is K.REFUND_FAILED)


@pytest.mark.parametrize(
    "answer",
    [invoice(), invoice(status="refunded", refunded_amount=29.99), invoice("invoice_charged"), {}],
    ids=["not refunded", "less", "other", "none"],
)
def test_an_answer_that_does_not_speak_of_the_refund_leaves_it_unknown(server: ScriptedServer, answer: Any) -> None:
    server.answers(answer)

    with pytest.raises(AnswerLost):
        cardgate_at(server.url).refund(refund_request())


def test_a_repeated_refund_is_read_from_the_invoice(server: ScriptedServer) -> None:
    server.turns = [(422, DUPLICATE), (200, sample("invoice_partially_refunded"))]
    assert cardgate_at(server.url).refund(refund_request()).kind is K.REFUNDED

    server.turns = [(429, {}), (200, sample("invoice_partially_refunded"))]
    assert cardgate_at(server.url).refund(refund_request()).kind is K.REFUNDED

    server.turns = [(422, {"errors": [{"detail": "Too much."}]}), (200, sample("invoice_processed"))]
    with pytest.raises(Rejected, match="Too much"):
        cardgate_at(server.url).refund(refund_request())

    assert paths(server)[:2] == [f"POST {API}/{INVOICE}/refund", f"GET {API}/{INVOICE}"]


def test_what_the_portal_gave_back_is_not_taken_for_a_repeated_refund(server: ScriptedServer) -> None:
    shown = sample("invoice_partially_refunded")
    for entry in shown["data"]["attributes"]["refunds"]:
        entry["reference_id"] = None
    server.turns = [(422, DUPLICATE), (200, shown)]

    with pytest.raises(AnswerLost, match="does not speak of this refund"):
        cardgate_at(server.url).refund(refund_request())


def test_fetching_goes_by_any_name(server: ScriptedServer) -> None:
    cardgate = cardgate_at(server.url)
    server.answers(sample("invoice_partially_refunded"))
    for reference in (
        Reference(opening=INVOICE),
        Reference(payment=INVOICE, ours="tx-9W4TB6NE", gateway="rfd_C6wNq3VtZ8kXm2Lb"),
    ):
        told = cardgate.fetch(reference)
        assert [news.kind for news in told] == [K.CAPTURED, K.REFUNDED]
        assert [news.reference.ours for news in told] == ["op-7Q2KMX4H", "tx-9W4TB6NE"]
    server.answers(listed(sample("invoice_created"), charged()))
    (found,) = cardgate.fetch(Reference(ours="tx-2M9DKR7C"))
    assert (found.kind, found.reference.gateway) == (K.CAPTURED, INSTANT)
    assert cardgate.fetch(Reference(ours="tx-UNKNOWN")) == ()
    server.answers({}, status=404)
    assert cardgate.fetch(Reference(opening=INVOICE)) == ()
    with pytest.raises(Rejected):
        cardgate.fetch(Reference(gateway="../secrets"))


@pytest.mark.parametrize(
    ("document", "kinds"),
    [
        (sample("invoice_created"), []),
        (invoice("invoice_created", status="created"), []),
        (invoice(status="process_pending", processed_amount=None), [K.PENDING]),
        (invoice(status="process_error", processed_amount=None), [K.PENDING]),
        (sample("invoice_processed"), [K.CAPTURED]),
        (sample("invoice_failed"), [K.DECLINED]),
        (invoice("invoice_created", status="expired"), [K.EXPIRED]),
        (invoice("invoice_created", status="terminated"), [K.EXPIRED]),
        (invoice("invoice_created", status="something_new"), []),
    ],
)
def test_completing_needs_no_evidence(server: ScriptedServer, document: Any, kinds: list[OutcomeKind]) -> None:
    server.answers(document)

    told = cardgate_at(server.url).complete(complete_request())

    assert [news.kind for news in told] == kinds
    assert paths(server) == [f"GET {API}/{INVOICE}"]


def test_what_belongs_to_another_opening_is_rejected(server: ScriptedServer) -> None:
    cardgate = cardgate_at(server.url)
    with pytest.raises(Rejected):
        cardgate.complete(complete_request(evidence=INSTANT))
    assert server.asked == []
    server.answers(invoice())
    assert len(cardgate.complete(complete_request(evidence=INVOICE))) == 1
    server.answers(invoice(reference_id="op-OTHER"))
    with pytest.raises(Rejected):
        cardgate.complete(complete_request())
    server.answers({}, status=404)
    with pytest.raises(AnswerLost):
        cardgate.complete(complete_request())


def test_a_wrong_amount_is_told_as_it_was_said(server: ScriptedServer) -> None:
    server.answers(invoice(processed_amount=91.5))
    (more,) = cardgate_at(server.url).complete(complete_request())
    server.answers(invoice(status="partially_processed", processed_amount=40))
    (less,) = cardgate_at(server.url).complete(complete_request())

    assert (more.money, more.event_key) == (Money(9150, "EUR"), f"{INVOICE}:processed")
    assert (less.money, less.event_key) == (Money(4000, "EUR"), f"{INVOICE}:partially_processed")


@pytest.mark.parametrize("body", ["card_data", "tokens"])
def test_words_of_a_refusal_are_kept_without_what_is_secret(server: ScriptedServer, body: str) -> None:
    secret = "4111 1111 1111 1111" if body == "card_data" else TOKEN
    server.turns = [(422, {"errors": [{"title": "Invalid", "detail": f"{secret} is wrong"}]}), (200, listed())]

    with pytest.raises(Rejected, match="Invalid") as raised:
        cardgate_at(server.url).open(open_request())

    assert secret not in str(raised.value)
