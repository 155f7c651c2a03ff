"""What Viva sends, and what transactions mean among those beside them; nothing of the former is believed."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateways.adapters.viva.transactions import Told, family_of, outcomes_of, payment_of, told_of, uuid_of, when
from gateways.errors import ErrorCode
from gateways.protocol import Outcome, OutcomeKind, Reference
from money import Money
from tests.gateways.examples import NOW
from tests.gateways.viva_world import (
    CAPTURE,
    FAILED,
    HOLD,
    ORDER,
    PAYMENT,
    REFUND,
    VivaWorld,
    delivery,
    sample,
    viva_at,
)

K = OutcomeKind
EUROS = Money(9000, "EUR")


def read(name: str, **changes: Any) -> Outcome:
    message = sample(name)
    message["EventData"].update(changes)
    (told,) = viva_at("http://127.0.0.1:9").read_webhook(delivery(message))
    return told


def test_a_payment_names_what_to_fetch() -> None:
    told = read("webhook_payment_created")

    assert (told.kind, told.money, told.event_key) == (K.CAPTURED, EUROS, PAYMENT)
    assert told.reference == Reference(ours="op-7Q2KMX4H", gateway=PAYMENT, payment=PAYMENT, opening=ORDER)
    assert told.occurred_at == datetime(2026, 11, 21, 8, 42, 10, 335761, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "changes", "kind"),
    [
        ("webhook_payment_created", {"TransactionTypeId": 1}, K.AUTHORIZED),
        ("webhook_payment_created", {"TransactionTypeId": 0, "ParentId": HOLD}, K.CAPTURED),
        ("webhook_payment_created", {"TransactionTypeId": 99}, K.PENDING),
        ("webhook_payment_failed", {"TransactionTypeId": 0, "ParentId": HOLD}, K.CAPTURE_FAILED),
        ("webhook_reversal_created", {"TransactionTypeId": 7}, K.REFUNDED),
        ("webhook_payment_created", {"TransactionId": None}, K.NOTE),
        ("webhook_payment_created", {"StatusId": None}, K.NOTE),
        ("webhook_order_updated", {"IsCancelled": False}, K.NOTE),
        ("webhook_order_updated", {"OrderCode": None}, K.NOTE),
    ],
    ids=str,
)
def test_what_an_event_seems_to_be(name: str, changes: dict[str, Any], kind: OutcomeKind) -> None:
    assert read(name, **changes).kind is kind


def test_a_reversal_names_the_payment_it_undoes() -> None:
    told = read("webhook_reversal_created")

    assert (told.kind, told.money) == (K.REFUNDED, Money(3000, "EUR"))
    assert told.reference == Reference(ours="tx-9W4TB6NE", gateway=REFUND, payment=PAYMENT, opening=ORDER)


def test_a_charge_of_a_kept_card_is_a_payment_of_its_own() -> None:
    told = read("webhook_payment_created", ParentId=HOLD)

    assert told.reference.payment == told.reference.gateway == PAYMENT


@pytest.mark.parametrize("event_id", ["10051", 10051])
def test_a_refusal_says_why(event_id: object) -> None:
    told = read("webhook_payment_failed", ResponseEventId=event_id)

    assert (told.kind, told.event_key) == (K.DECLINED, FAILED)
    assert told.decline is not None
    assert (told.decline.code, told.decline.raw_code) == (ErrorCode.CREDIT_LIMIT_EXCEEDED, "10051")


def test_a_cancelled_order_a_commission_and_anything_else() -> None:
    cancelled, fee = read("webhook_order_updated"), read("webhook_price_calculated")
    message = {**sample("webhook_payment_created"), "EventTypeId": 768, "EventData": {}}
    (other,) = viva_at("http://127.0.0.1:9").read_webhook(delivery(message))

    assert (cancelled.kind, cancelled.event_key) == (K.EXPIRED, f"order:{ORDER}:cancelled")
    assert cancelled.reference.opening == ORDER
    assert (fee.kind, fee.event_key, fee.reference.gateway) == (K.NOTE, f"{PAYMENT}:fee", PAYMENT)
    assert fee.raw["TotalCommission"] == "1.14"
    assert other.kind is K.NOTE


def test_nothing_personal_is_kept_of_a_delivery() -> None:
    told = read("webhook_payment_created")

    assert set(told.raw) & {"Email", "Phone", "FullName", "CardNumber", "CardToken", "CardUniqueReference"} == set()
    assert json.dumps(dict(told.raw))


def test_a_receipt_is_http_200_and_repeats_are_one_delivery() -> None:
    gateway, message = viva_at("http://127.0.0.1:9"), sample("webhook_payment_created")
    first = gateway.verify_webhook(delivery(message))
    again = gateway.verify_webhook(delivery({**message, "RetryCount": 3, "Created": "2026-11-21T09:42:12Z"}))

    assert (first.status, first.acknowledgement) == (200, "{}")
    assert first == again
    capitals = {**message, "RecipientId": message["RecipientId"].upper()}
    assert gateway.verify_webhook(delivery(capitals)) == first


def test_a_clock_that_runs_ahead_is_not_believed() -> None:
    assert read("webhook_payment_created", InsDate="2027-01-01T00:00:00+02:00").occurred_at <= NOW


def told(identity: str, type_id: int, status: str = "F", **more: Any) -> Told:
    fields: dict[str, Any] = {"money": EUROS, "ours": "op-7Q2KMX4H", "order_code": ORDER, "at": NOW, **more}
    return Told(id=identity, type_id=type_id, status=status, **fields)


def words(*transactions: Told) -> list[tuple[str, OutcomeKind]]:
    family = family_of(transactions)
    return [
        (one.id, outcome.kind)
        for one in transactions
        for outcome in outcomes_of(one, family, NOW + timedelta(minutes=5))
    ]


@pytest.mark.parametrize(
    ("transactions", "kinds"),
    [
        ([told("p", 5)], [K.CAPTURED]),
        ([told("p", 60)], [K.CAPTURED]),
        ([told("p", 5, "A")], [K.PENDING]),
        ([told("p", 5, "E")], [K.DECLINED]),
        ([told("p", 5, "?")], [K.PENDING]),
        ([told("p", 69)], [K.PENDING]),
        ([told("p", 5, money=None)], [K.PENDING]),
        # What came back is not booked before what took it back is told.
        ([told("p", 5, "X")], [K.PENDING]),
        ([told("p", 5, "R")], [K.PENDING]),
        ([told("p", 5, "X"), told("r", 7, parent="p")], [K.CAPTURED, K.REFUNDED]),
        ([told("p", 5, "R"), told("r", 4, parent="p")], [K.CAPTURED, K.REFUNDED]),
        ([told("p", 5), told("r", 4, "E", parent="p")], [K.CAPTURED, K.REFUND_FAILED]),
        ([told("p", 5), told("r", 4, "A", parent="p")], [K.CAPTURED, K.PENDING]),
        ([told("h", 1)], [K.AUTHORIZED]),
        ([told("h", 1, "E")], [K.DECLINED]),
        ([told("h", 1, "X"), told("v", 7, parent="h")], [K.AUTHORIZED, K.VOIDED]),
        ([told("h", 1), told("v", 7, "E", parent="h")], [K.AUTHORIZED, K.VOID_FAILED]),
        ([told("h", 1, "C"), told("c", 0, parent="h")], [K.AUTHORIZED, K.CAPTURED]),
        ([told("h", 1), told("c", 0, "E", parent="h")], [K.AUTHORIZED, K.CAPTURE_FAILED]),
        (
            [told("h", 1, "C"), told("c", 0, "R", parent="h"), told("r", 4, parent="c")],
            [K.AUTHORIZED, K.CAPTURED, K.REFUNDED],
        ),
        ([told("h", 1, "C"), told("r", 4, parent="h")], [K.AUTHORIZED, K.REFUNDED]),
        ([told("r", 4, parent="p")], []),
        ([told("p", 5, "M")], [K.CAPTURED, K.DISPUTE_OPENED]),
        ([told("p", 5, "MS")], [K.CAPTURED, K.DISPUTE_OPENED]),
        ([told("p", 5, "ML")], [K.CAPTURED, K.CHARGEBACK]),
        ([told("p", 5, "MW")], [K.CAPTURED, K.CHARGEBACK_REVERSED]),
        ([told("h", 1, "C"), told("c", 0, "ML", parent="h")], [K.AUTHORIZED, K.CAPTURED, K.CHARGEBACK]),
    ],
    ids=lambda value: (
        " ".join(f"{one.type_id}{one.status}" for one in value) if value and type(value[0]) is Told else ""
    ),
)
def test_what_a_transaction_means_among_others(transactions: list[Told], kinds: list[OutcomeKind]) -> None:
    found = words(*transactions)

    assert [kind for _, kind in found] == kinds
    for order in itertools.permutations(transactions):
        assert sorted(words(*order)) == sorted(found)


def test_what_is_done_to_a_capture_belongs_to_its_hold() -> None:
    hold, capture = told(HOLD, 1, "C"), told(CAPTURE, 0, parent=HOLD, ours=None)
    refund = told(REFUND, 4, parent=CAPTURE, ours="tx-9W4TB6NE", order_code=None)
    family = family_of([hold, capture, refund])

    (outcome,) = outcomes_of(refund, family, NOW)

    assert payment_of(refund, family) == hold
    assert outcome.reference == Reference(ours="tx-9W4TB6NE", gateway=REFUND, payment=HOLD, opening=ORDER)
    assert outcomes_of(capture, family, NOW)[0].reference.ours == "op-7Q2KMX4H"


def test_a_ring_of_parents_ends() -> None:
    first, second = told("a", 4, parent="b"), told("b", 4, parent="a")

    assert payment_of(first, family_of([first, second])) is None


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"TransactionId": PAYMENT},
        {"TransactionId": PAYMENT, "StatusId": "F"},
        {"TransactionId": PAYMENT, "StatusId": "F", "TransactionTypeId": "5"},
        {"TransactionId": PAYMENT, "StatusId": "F", "TransactionTypeId": True},
        {"TransactionId": "1", "StatusId": "F", "TransactionTypeId": 5},
        {"TransactionId": PAYMENT, "StatusId": "", "TransactionTypeId": 5},
        {"TransactionId": PAYMENT, "StatusId": "F", "TransactionType": {"Name": "x"}},
    ],
    ids=str,
)
def test_what_lacks_something_is_no_transaction(fields: dict[str, Any]) -> None:
    assert told_of(fields) is None


def test_an_id_and_a_time_are_read_in_one_way() -> None:
    assert uuid_of(PAYMENT.upper()) == PAYMENT
    assert uuid_of(PAYMENT.replace("-", "")) is None
    assert uuid_of(f"{{{PAYMENT[2:]}}}") is None
    assert when("2012-12-24T16:29:00.2339259+02:00") == datetime(2012, 12, 24, 14, 29, 0, 233925, tzinfo=UTC)
    assert when("2012-12-24T16:29:00") is None
    assert when("soon") is None


def test_the_world_has_a_delivery_of_every_event_we_ask_for() -> None:
    events = {json.loads(one.body)["EventTypeId"] for one in VivaWorld().genuine()}

    assert events == {1796, 1797, 1798, 1799, 4865}
