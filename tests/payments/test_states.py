from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.protocol import OutcomeKind as Kind
from payments.states import Fact, OperationKind, State, Status, derive

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def fact(operation, operation_kind, kind, *, minute=0, amount=9000, attempt="session", parent="", is_cumulative=False):
    is_charge = operation_kind in (OperationKind.SALE, OperationKind.AUTHORIZATION, None)
    return Fact(
        operation=operation,
        operation_kind=operation_kind,
        kind=kind,
        key=f"{operation}:{kind}:{minute}",
        occurred_at=START + timedelta(minutes=minute),
        attempt=attempt if is_charge else "",
        attempted_at=START if is_charge else None,
        parent=parent,
        amount_minor=amount,
        is_cumulative=is_cumulative,
    )


def sale(kind=Kind.AUTHORIZED, **fields):
    return fact("sale", OperationKind.SALE, kind, **fields)


def hold(kind=Kind.AUTHORIZED, **fields):
    return fact("hold", OperationKind.AUTHORIZATION, kind, **fields)


def capture(kind=Kind.CAPTURED, name="capture", **fields):
    return fact(name, OperationKind.CAPTURE, kind, parent="hold", **fields)


def refund(kind=Kind.REFUNDED, name="refund", **fields):
    return fact(name, OperationKind.REFUND, kind, parent="sale", **fields)


def chargeback(kind=Kind.CHARGEBACK, name="chargeback", **fields):
    return fact(name, OperationKind.CHARGEBACK, kind, parent="sale", **fields)


def opened(minute=0):
    return fact("", None, Kind.ACTION_REQUIRED, minute=minute)


# history, then: state, held, captured, refunded, charged back (minor units)
HISTORIES = {
    "nothing was said": ([], State.CREATED, 0, 0, 0, 0),
    "a session is open": ([opened()], State.ACTION_REQUIRED, 0, 0, 0, 0),
    "the guest's bank has not decided": ([opened(), sale(Kind.PENDING, minute=1)], State.PENDING, 0, 0, 0, 0),
    "refused": ([opened(), sale(Kind.DECLINED, minute=1)], State.FAILED, 0, 0, 0, 0),
    "refused, then paid in the same session": (
        [
            opened(),
            fact("first", OperationKind.SALE, Kind.DECLINED, minute=1),
            fact("second", OperationKind.SALE, Kind.AUTHORIZED, minute=2),
        ],
        State.CAPTURED, 0, 9000, 0, 0,
    ),
    "a sale is captured with its authorization": ([opened(), sale(minute=1)], State.CAPTURED, 0, 9000, 0, 0),
    "refused by mistake and corrected for the same attempt": (
        [sale(Kind.DECLINED, minute=1), sale(Kind.AUTHORIZED, minute=1)], State.CAPTURED, 0, 9000, 0, 0,
    ),
    "a refusal told after the success of the same attempt": (
        [sale(Kind.AUTHORIZED, minute=1), sale(Kind.DECLINED, minute=9)], State.CAPTURED, 0, 9000, 0, 0,
    ),
    "held": ([hold()], State.AUTHORIZED, 9000, 0, 0, 0),
    "held and captured": ([hold(), capture(minute=1)], State.CAPTURED, 0, 9000, 0, 0),
    "a late authorization after the capture": ([capture(minute=1), hold(minute=30)], State.CAPTURED, 0, 9000, 0, 0),
    "captured short": ([hold(), capture(minute=1, amount=5000)], State.CAPTURED, 0, 5000, 0, 0),
    "the capture failed": (
        [hold(), capture(minute=1), capture(Kind.CAPTURE_FAILED, minute=60)], State.FAILED, 0, 0, 0, 0,
    ),
    "the capture failed and was made again": (
        [hold(), capture(minute=1), capture(Kind.CAPTURE_FAILED, minute=60), capture(minute=90)],
        State.CAPTURED, 0, 9000, 0, 0,
    ),
    "the capture of a sale failed": (
        [sale(minute=1), sale(Kind.CAPTURE_FAILED, minute=60)], State.FAILED, 0, 0, 0, 0,
    ),
    "released": (
        [hold(), fact("void", OperationKind.VOID, Kind.VOIDED, minute=2, parent="hold")], State.VOIDED, 0, 0, 0, 0,
    ),
    "a release that failed": (
        [hold(), fact("void", OperationKind.VOID, Kind.VOID_FAILED, minute=2, parent="hold")],
        State.AUTHORIZED, 9000, 0, 0, 0,
    ),
    "a sale reversed before it was settled": (
        [sale(), fact("void", OperationKind.VOID, Kind.VOIDED, minute=2, parent="sale")], State.VOIDED, 0, 0, 0, 0,
    ),
    "refunded in part": ([sale(), refund(minute=5, amount=4000)], State.CAPTURED, 0, 9000, 4000, 0),
    "refunded whole in two parts": (
        [sale(), refund(minute=5, amount=4000), refund(name="rest", minute=6, amount=5000)],
        State.REFUNDED, 0, 9000, 9000, 0,
    ),
    "a refused refund cannot un-pay": (
        [sale(), refund(Kind.REFUND_FAILED, minute=5)], State.CAPTURED, 0, 9000, 0, 0,
    ),
    "refunded, then the refund failed": (
        [sale(), refund(minute=5), refund(Kind.REFUND_FAILED, minute=500)], State.CAPTURED, 0, 9000, 0, 0,
    ),
    "refunded, then it came back": (
        [sale(), refund(minute=5), refund(Kind.REFUND_REVERSED, minute=500)], State.CAPTURED, 0, 9000, 0, 0,
    ),
    "charged back": ([sale(), chargeback(minute=9)], State.CAPTURED, 0, 9000, 0, 9000),
    "charged back and won": (
        [sale(), chargeback(minute=9), chargeback(Kind.CHARGEBACK_REVERSED, minute=90)], State.CAPTURED, 0, 9000, 0, 0,
    ),
    "charged back, won and lost again": (
        [sale(), chargeback(minute=9), chargeback(Kind.CHARGEBACK_REVERSED, minute=90), chargeback(minute=900)],
        State.CAPTURED, 0, 9000, 0, 9000,
    ),
    "a total that is stated, not added": (
        [sale(), refund(minute=5, amount=3000, is_cumulative=True), refund(minute=6, amount=5000, is_cumulative=True)],
        State.CAPTURED, 0, 9000, 5000, 0,
    ),
    "an authorization that ran out": ([hold(Kind.EXPIRED, minute=9)], State.EXPIRED, 0, 0, 0, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", HISTORIES)
def test_every_order_of_a_history_ends_the_same(name):
    history, state, held, captured, refunded, charged_back = HISTORIES[name]

    for order in permutations(history):
        position = derive(order)

        assert position.state is state
        assert (position.authorized_minor, position.captured_minor) == (held, captured)
        assert (position.refunded_minor, position.charged_back_minor) == (refunded, charged_back)


def test_the_latest_opening_speaks_among_hopes():
    refused = fact("first", OperationKind.SALE, Kind.DECLINED, minute=5, attempt="old")
    new_session = Fact(
        operation="",
        operation_kind=None,
        kind=Kind.ACTION_REQUIRED,
        key="new",
        occurred_at=START + timedelta(minutes=2),
        attempt="new",
        attempted_at=START + timedelta(minutes=2),
    )

    assert derive([refused, new_session]).state is State.ACTION_REQUIRED
    assert derive([new_session, refused]).operations["first"].status is Status.FAILED


KINDS_OF = {
    OperationKind.SALE: [
        Kind.PENDING,
        Kind.AUTHORIZED,
        Kind.DECLINED,
        Kind.CAPTURED,
        Kind.CAPTURE_FAILED,
        Kind.EXPIRED,
    ],
    OperationKind.AUTHORIZATION: [Kind.PENDING, Kind.AUTHORIZED, Kind.DECLINED, Kind.EXPIRED],
    OperationKind.CAPTURE: [Kind.PENDING, Kind.CAPTURED, Kind.CAPTURE_FAILED],
    OperationKind.VOID: [Kind.PENDING, Kind.VOIDED, Kind.VOID_FAILED],
    OperationKind.REFUND: [Kind.PENDING, Kind.REFUNDED, Kind.REFUND_FAILED, Kind.REFUND_REVERSED],
    OperationKind.CHARGEBACK: [Kind.DISPUTE_OPENED, Kind.CHARGEBACK, Kind.CHARGEBACK_REVERSED],
}


@st.composite
def random_facts(draw):
    charge_kind = draw(st.sampled_from([OperationKind.SALE, OperationKind.AUTHORIZATION]))
    facts = [opened()] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 7))):
        operation_kind = draw(st.sampled_from([charge_kind, *list(OperationKind)[2:]]))
        name = f"{operation_kind}-{draw(st.integers(1, 2))}"
        facts.append(
            fact(
                name,
                operation_kind,
                draw(st.sampled_from(KINDS_OF[operation_kind])),
                minute=draw(st.integers(0, 3)),
                amount=draw(st.integers(1, 10_000)),
                parent="" if operation_kind is charge_kind else f"{charge_kind}-{draw(st.integers(1, 2))}",
            )
        )
    unique = {(f.operation, f.kind, f.key): f for f in facts}
    # One operation has one parent, as the rows have.
    parents = {f.operation: f.parent for f in unique.values()}
    return [f for f in unique.values() if f.parent == parents[f.operation]]


@given(random_facts(), st.randoms(use_true_random=False))
def test_derive_does_not_depend_on_the_order_of_arrival(facts, random):
    shuffled = list(facts)
    random.shuffle(shuffled)

    assert derive(shuffled) == derive(facts)


@given(random_facts())
def test_the_same_facts_twice_change_nothing(facts):
    assert derive(facts + facts) == derive(facts)


@given(random_facts())
def test_sums_are_never_negative_and_a_refusal_never_takes_money_away(facts):
    position = derive(facts)
    refusal = fact("late", OperationKind.SALE, Kind.DECLINED, minute=99)

    later = derive([*facts, refusal])

    assert min(position.authorized_minor, position.captured_minor, position.refunded_minor) >= 0
    assert (later.captured_minor, later.refunded_minor) == (position.captured_minor, position.refunded_minor)
    assert later.authorized_minor == position.authorized_minor
