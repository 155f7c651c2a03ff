"""What CardGate's callbacks prove and mean, and that any order of them ends in the same place."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.adapters.cardgate.gateway import CardgateGateway
from gateways.adapters.cardgate.news import STATUSES
from gateways.adapters.cardgate.webhooks import signature_of
from gateways.errors import ErrorCode, InvalidSignature
from gateways.protocol import Delivery, Outcome, OutcomeKind, Reference
from money import Money
from payments.states import Fact, OperationKind, State, derive
from tests.gateways.cardgate_world import INVOICE, PRIVATE_KEY, TOKEN, cardgate_at, invoice, sample, signed
from tests.gateways.examples import NOW

K = OutcomeKind
CREATED = 1795251600
CARDGATE: CardgateGateway = cardgate_at("http://127.0.0.1:9")


def read(document: Any) -> tuple[Outcome, ...]:
    return CARDGATE.read_webhook(signed(document))


def at(seconds: int) -> datetime:
    """Return the end of a second, which is all that CardGate tells of a time."""
    return datetime.fromtimestamp(CREATED + seconds, UTC) + timedelta(microseconds=999_999)


def test_the_signature_is_the_vendors() -> None:
    body = b'{"data":{"type":"payment-invoices","id":"cpi_TEST","attributes":{"status":"processed"}}}'

    assert signature_of(body, "sk_test_demo") == "nV9mlaz7BQg6eYK4Y2806wXyTeE="


def test_only_200_is_a_receipt() -> None:
    verified = CARDGATE.verify_webhook(signed(sample("invoice_processed")))

    assert (verified.status, verified.acknowledgement) == (200, "")


def test_a_key_of_the_other_mode_opens_nothing() -> None:
    live = cardgate_at("http://127.0.0.1:9", environment="live", private_keys="sk_live_1")

    with pytest.raises(InvalidSignature):
        live.verify_webhook(signed(invoice(test_mode=False)))
    with pytest.raises(InvalidSignature, match="environment"):
        live.verify_webhook(signed(sample("invoice_processed"), key="sk_live_1"))
    live.verify_webhook(signed(invoice(test_mode=False), key="sk_live_1"))
    live.verify_webhook(signed(invoice(test_mode=...), key="sk_live_1"))


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_no_byte_can_be_changed(position: int, change: int) -> None:
    good = signed(sample("invoice_processed"))
    index = position % len(good.body)
    forged = good.body[:index] + bytes([good.body[index] ^ change]) + good.body[index + 1 :]

    with pytest.raises(InvalidSignature):
        CARDGATE.verify_webhook(dataclasses.replace(good, body=forged))


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({}, True),
        ({"callback_logs": [{"status": 500}]}, True),
        ({"updated": CREATED + 96}, False),
        ({"status": "refund_pending"}, False),
        # Two refunds within one second.
        ({"refunded_amount": 10}, False),
    ],
    ids=str,
)
def test_a_delivery_is_known_by_what_it_tells(change: dict[str, Any], is_same: bool) -> None:
    first = CARDGATE.verify_webhook(signed(sample("invoice_processed"))).delivery_key
    second = CARDGATE.verify_webhook(signed(invoice(**change))).delivery_key

    assert (first == second) is is_same


def test_a_payment_tells_its_money_its_card_and_its_token() -> None:
    (news,) = read(sample("invoice_processed"))

    assert (news.kind, news.money, news.event_key) == (K.CAPTURED, Money(9000, "EUR"), f"{INVOICE}:processed")
    assert news.reference == Reference(ours="op-7Q2KMX4H", gateway=INVOICE, payment=INVOICE, opening=INVOICE)
    assert news.occurred_at == at(95)
    assert news.card is not None
    assert (news.card.brand, news.card.last4, news.card.bin) == ("mastercard", "0000", "512381")
    assert (news.card.expiry_month, news.card.expiry_year) == (12, 2032)
    assert (news.card.token, news.card.shopper_reference) == (TOKEN, "c-1204")
    assert "token" not in news.raw
    assert news.raw["processed_amount"] == "90.0"


def test_a_clock_that_runs_ahead_is_not_believed() -> None:
    late = signed(invoice(processed=CREATED + 10**7))

    assert CARDGATE.read_webhook(late)[0].occurred_at == late.received_at


def test_news_of_the_second_in_which_we_heard_it_is_not_before_it() -> None:
    heard = dataclasses.replace(
        signed(invoice("invoice_created", status="expired", updated=CREATED)), received_at=at(0)
    )

    for received_at in (at(0), at(0) - timedelta(microseconds=400_000)):
        (news,) = CARDGATE.read_webhook(dataclasses.replace(heard, received_at=received_at))
        assert news.occurred_at == received_at


def test_a_refusal_tells_why() -> None:
    (news,) = read(sample("invoice_failed"))

    assert (news.kind, news.event_key) == (K.DECLINED, f"{INVOICE}:process_failed")
    assert news.decline is not None
    assert (news.decline.code, news.decline.raw_code) == (ErrorCode.CREDIT_LIMIT_EXCEEDED, "insufficient_funds")


@pytest.mark.parametrize(
    ("status", "attempted", "kinds"),
    [
        ("created", False, [K.NOTE]),
        ("processing", False, [K.NOTE]),
        ("process_pending", False, [K.NOTE]),
        ("process_error", False, [K.NOTE]),
        ("created", True, [K.PENDING]),
        ("processing", True, [K.PENDING]),
        ("process_pending", True, [K.PENDING]),
        ("process_error", True, [K.PENDING]),
        ("processed", True, [K.CAPTURED]),
        ("partially_processed", True, [K.CAPTURED]),
        ("process_failed", True, [K.DECLINED]),
        ("expired", False, [K.EXPIRED]),
        ("expired", True, [K.EXPIRED]),
        ("terminated", False, [K.EXPIRED]),
        ("verified", True, [K.NOTE]),
        ("verify_failed", True, [K.NOTE]),
        ("refunding", True, [K.CAPTURED]),
        ("refund_pending", True, [K.CAPTURED]),
        ("refund_error", True, [K.CAPTURED]),
        ("refunded", True, [K.CAPTURED]),
        ("partially_refunded", True, [K.CAPTURED]),
        ("refund_failed", True, [K.CAPTURED]),
        ("charged_back", True, [K.CAPTURED, K.CHARGEBACK]),
        ("something_new", True, [K.NOTE]),
    ],
)
def test_a_status_in_our_words(status: str, attempted: bool, kinds: list[OutcomeKind]) -> None:
    document = invoice("invoice_processed" if attempted else "invoice_created", status=status)

    told = read(document)

    assert [news.kind for news in told] == kinds
    assert all(news.reference.ours == "op-7Q2KMX4H" and news.reference.opening == INVOICE for news in told)


def test_every_documented_status_is_mapped() -> None:
    documented = """
    created processing process_pending process_error processed partially_processed process_failed expired terminated
    verified verify_failed refunding refund_pending refund_error refunded partially_refunded refund_failed charged_back
    """
    assert set(STATUSES) == set(documented.split())


def test_what_is_not_decided_and_what_is_over_bind_no_attempt() -> None:
    for status in ("process_pending", "expired"):
        (news,) = read(invoice(status=status))
        assert (news.reference.gateway, news.reference.payment) == (None, None)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("processed", K.REFUNDED),
        ("refunded", K.REFUNDED),
        ("process_pending", K.PENDING),
        ("process_error", K.PENDING),
        ("process_failed", K.REFUND_FAILED),
        ("refund_failed", K.REFUND_FAILED),
        ("rejected", K.REFUND_FAILED),
    ],
)
def test_each_refund_is_told_by_its_own_state(word: str, kind: OutcomeKind) -> None:
    refund = {"id": "rfd_1", "reference_id": "tx-1", "amount": 12.5, "status": word, "updated": CREATED + 500}
    refunded = 12.5 if kind is K.REFUNDED else None

    _, news = read(invoice(status="refund_pending", refunds=[refund], refunded_amount=refunded))

    assert (news.kind, news.money, news.occurred_at) == (kind, Money(1250, "EUR"), at(500))
    assert news.reference == Reference(ours="tx-1", gateway="rfd_1", payment=INVOICE, opening=INVOICE)


def test_refunds_made_elsewhere_are_told_and_what_no_entry_explains_is_shown() -> None:
    elsewhere = {"id": "rfd_9", "attributes": {"amount": 20, "status": "processed", "created": CREATED + 900}}
    unreadable = {"id": "rfd_8", "amount": 0.001, "status": "processed"}

    _, known, unread, note = read(
        invoice(status="partially_refunded", refunds=[elsewhere, unreadable, "?"], refunded_amount=30)
    )

    assert (known.kind, known.money, known.reference.ours) == (K.REFUNDED, Money(2000, "EUR"), None)
    assert (unread.kind, note.kind) == (K.NOTE, K.NOTE)
    assert "cannot be read" in unread.problem
    assert "do not add up" in note.problem


def test_a_chargeback_is_a_total_and_may_grow() -> None:
    _, first = read(invoice(status="charged_back", charged_back_amount=40, charged_back=CREATED + 1000))
    _, second = read(invoice(status="charged_back", charged_back_amount=90, charged_back=CREATED + 2000))

    assert (first.money, second.money) == (Money(4000, "EUR"), Money(9000, "EUR"))
    assert first.event_key != second.event_key
    assert (first.reference.gateway, first.reference.payment) == (None, INVOICE)
    assert first.dispute is not None


@pytest.mark.parametrize("amount", [0.001, "ten", 1e300])
def test_money_that_cannot_be_held_is_noted(amount: Any) -> None:
    (news,) = read(invoice(processed_amount=amount))

    assert (news.kind, news.money) == (K.NOTE, None)
    assert "cannot be read" in news.problem


@pytest.mark.parametrize("body", [{}, {"data": []}, {"data": {"type": "payout-invoices", "id": "x"}}], ids=str)
def test_what_cannot_be_read_is_a_note(body: Any) -> None:
    (news,) = CARDGATE.read_webhook(signed(body))

    assert (news.kind, news.reference) == (K.NOTE, Reference())


SNAPSHOTS = [
    invoice("invoice_created"),
    invoice(status="process_pending", processed_amount=None, processed=None, updated=CREATED + 50),
    invoice(status="process_error", processed_amount=None, processed=None, updated=CREATED + 60),
    sample("invoice_processed"),
    sample("invoice_partially_refunded"),
    invoice("invoice_partially_refunded", status="charged_back", charged_back_amount=60, charged_back=CREATED + 9000),
]


def facts(deliveries: list[Delivery]) -> list[Fact]:
    """Return what the core would keep of these: each fact once, by kind and key."""
    kept: dict[tuple[OutcomeKind, str], Fact] = {}
    for delivery in deliveries:
        for news in CARDGATE.read_webhook(delivery):
            operation, kind = {
                K.CAPTURED: ("sale", OperationKind.SALE),
                K.REFUNDED: (f"refund {news.reference.gateway}", OperationKind.REFUND),
                K.CHARGEBACK: ("chargeback", OperationKind.CHARGEBACK),
            }.get(news.kind, ("", None))
            kept.setdefault(
                (news.kind, news.event_key),
                Fact(
                    operation=operation,
                    operation_kind=kind,
                    kind=news.kind,
                    key=news.event_key,
                    occurred_at=news.occurred_at,
                    attempt="opening",
                    attempted_at=NOW,
                    amount_minor=news.money.minor if news.money else 0,
                    is_cumulative=news.cumulative,
                ),
            )
    return list(kept.values())


@given(st.lists(st.sampled_from(range(len(SNAPSHOTS))), max_size=8))
def test_any_order_with_the_last_snapshot_among_them_ends_in_the_same_place(order: list[int]) -> None:
    deliveries = [signed(SNAPSHOTS[index]) for index in (*order, len(SNAPSHOTS) - 1)]

    position = derive(facts(deliveries))

    assert (position.state, position.captured_minor) == (State.CAPTURED, 9000)
    assert (position.refunded_minor, position.charged_back_minor) == (3000, 6000)


def test_an_answer_a_poll_and_a_callback_of_one_fact_share_its_key() -> None:
    later = dataclasses.replace(signed(sample("invoice_processed")), received_at=NOW + timedelta(days=2))

    (callback,), (again,) = read(sample("invoice_processed")), CARDGATE.read_webhook(later)

    assert (callback.kind, callback.event_key, callback.occurred_at) == (again.kind, again.event_key, again.occurred_at)
    assert PRIVATE_KEY not in repr(callback)
