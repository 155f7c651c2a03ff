"""Whatever a gateway tells of a payment's life, in whatever order and however often, it ends in the same state."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction as database
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from gateways.models import GatewayAccount
from gateways.protocol import Capability, Outcome, OutcomeKind
from money import Money
from payments.checking.collected import findings_of
from payments.errors import SubjectUndecided, UnknownSubject
from payments.models import EventSource, Opening, Origin, Payment, Transaction
from payments.services.transitions import apply_outcome
from payments.states import OperationKind, Position
from tests.gateways.trade import Paid, Trade, position_of, trading
from tests.payments.house import House, books, build_house, operations
from tests.processes import Sandbox

C = Capability
NINETY, SIXTY, THIRTY = (Money(minor, "EUR") for minor in (9000, 6000, 3000))
Life = Callable[[Trade], Paid | None]


def a_sale_given_back_and_disputed(trade: Trade) -> Paid:
    paid = trade.paid(NINETY)
    trade.refund(paid, THIRTY)
    trade.happens("staff_refunds", paid, 1000)
    trade.happens("bank_takes_back", paid, 2000)
    return paid


def a_sale_given_back_whole(trade: Trade) -> Paid:
    paid = trade.paid(NINETY)
    trade.refund(paid, THIRTY)
    trade.refund(paid, SIXTY)
    return paid


def a_hold_captured_in_part_and_given_back_in_part(trade: Trade) -> Paid | None:
    if not trade.can(C.AUTHORIZE, C.PARTIAL_CAPTURE):
        return None
    paid = trade.paid(NINETY, captures_at_once=False)
    trade.capture(paid, SIXTY)
    trade.refund(paid, THIRTY)
    return paid


def a_hold_let_go(trade: Trade) -> Paid | None:
    if not trade.can(C.AUTHORIZE, C.VOID):
        return None
    paid = trade.paid(NINETY, captures_at_once=False)
    trade.void(paid)
    return paid


def a_refused_card(trade: Trade) -> Paid:
    return trade.paid(NINETY, kinds=["refused"])


LIVES: tuple[Life, ...] = (
    a_sale_given_back_and_disputed,
    a_sale_given_back_whole,
    a_hold_captured_in_part_and_given_back_in_part,
    a_hold_let_go,
    a_refused_card,
)


@pytest.fixture(params=sorted(settings.GATEWAYS))
def trade(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Trade]:
    with trading(request.param, sandbox) as found:
        yield found


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.__name__)
def test_any_order_of_what_is_told_of_a_life_folds_into_the_record(trade: Trade, life: Life) -> None:
    paid = life(trade)
    if paid is None:
        return
    told = trade.heard(paid)
    in_order = position_of(told, paid)

    # What was told by two ways is told twice here.
    @effort(max_examples=60)
    @given(st.permutations(range(len(told))))
    def folds_into_the_same(order: Sequence[int]) -> None:
        assert _sums(position_of([told[index] for index in order], paid)) == _sums(in_order)

    folds_into_the_same()
    if trade.standin is not None:
        moved = (in_order.captured_minor, in_order.refunded_minor, in_order.charged_back_minor)
        assert moved == tuple(trade.moved(paid).values())


def _sums(position: Position) -> tuple[Any, ...]:
    """Return all that a position says but when it was told, for an answer and a webhook are dated by two clocks."""
    operations = {name: (standing.status, standing.amount_minor) for name, standing in position.operations.items()}
    held, captured = position.authorized_minor, position.captured_minor
    return position.state, held, captured, position.refunded_minor, position.charged_back_minor, operations


@pytest.mark.django_db
@pytest.mark.parametrize(
    "life",
    [a_sale_given_back_and_disputed, a_hold_captured_in_part_and_given_back_in_part],
    ids=lambda life: life.__name__,
)
def test_any_order_of_what_is_told_of_a_life_ends_in_the_same_books(trade: Trade, life: Life, settings: Any) -> None:
    paid = life(trade)
    if paid is None:
        return
    # An answer that says no more than that we were heard is about a row of ours, and here there is none: all is told as
    # if the processor had done it by itself.
    told = [one for one in trade.heard(paid) if one.kind is not OutcomeKind.PENDING]
    settings.GATEWAY_CREDENTIALS = {**settings.GATEWAY_CREDENTIALS, trade.account: trade.credentials}
    house = build_house()

    endings = {
        _books_after(order, paid, trade, house)
        for order in (told, told[::-1], random.Random(7).sample(told, len(told)))
    }

    ((_, captured, refunded, charged_back, *_),) = endings
    assert captured > refunded > 0
    if trade.standin is not None:
        assert (captured, refunded, charged_back) == tuple(trade.moved(paid).values())


def _books_after(order: Sequence[Outcome], paid: Paid, trade: Trade, house: House) -> tuple[Any, ...]:
    """Return what our books say after all was told in this order; nothing is left in the database."""
    with database.atomic():
        payment = _payment_of(paid, trade, house)
        waiting = list(order)
        # News of what is not known yet wait for other news, as in the inbox.
        for _ in range(len(order)):
            waiting = [one for one in waiting if not _is_taken_in(one, payment, house)]
        assert waiting == []
        payment.refresh_from_db()
        assert findings_of(payment) == []
        ending = (
            payment.state,
            payment.captured_minor,
            payment.refunded_minor,
            payment.charged_back_minor,
            payment.authorized_minor,
            tuple(sorted((kind, status, minor) for kind, _, status, minor in operations(payment.order))),
            tuple(sorted(_net(books(payment.order)).items())),
        )
        database.set_rollback(True)
    return ending


def _is_taken_in(outcome: Outcome, payment: Payment, house: House) -> bool:
    try:
        apply_outcome(account=payment.account, outcome=outcome, source=EventSource.WEBHOOK, now=house.clock())
    except (UnknownSubject, SubjectUndecided):
        return False
    return True


def _payment_of(paid: Paid, trade: Trade, house: House) -> Payment:
    """Return a payment of a new hold as it was before anything was told of it."""
    payment = house.payment()
    payment.account, _ = GatewayAccount.objects.get_or_create(
        slug=trade.account,
        defaults={
            "name": "Conforms",
            "gateway": trade.slug,
            "environment": "test",
            "currencies": ["EUR"],
            "sources": ["ECOM"],
        },
    )
    payment.captures_at_once = paid.captures_at_once
    payment.save()
    opening = None
    if paid.opened is not None:
        opening = house.opening(payment)
        Opening.objects.filter(pk=opening.pk).update(
            reference=paid.opening_reference, gateway_reference=paid.opened.gateway_reference
        )
    if paid.reference != paid.opening_reference:
        _charge_of_ours(paid, payment, opening, house)
    return payment


def _charge_of_ours(paid: Paid, payment: Payment, opening: Opening | None, house: House) -> None:
    Transaction.objects.create(
        payment=payment,
        order=payment.order,
        account=payment.account,
        opening=opening,
        kind=OperationKind.SALE if paid.captures_at_once else OperationKind.AUTHORIZATION,
        origin=Origin.OURS,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        reference=paid.reference,
        idempotency_key=paid.reference,
        requested_at=house.clock(),
        first_sent_at=house.clock(),
        requested_by="guest",
    )


def _net(moved: dict[str, int]) -> dict[str, int]:
    """Return what came into each account, less what left it."""
    sums: dict[str, int] = {}
    for transfer, minor in moved.items():
        source, target = transfer.split(">")
        sums[source] = sums.get(source, 0) - minor
        sums[target] = sums.get(target, 0) + minor
    return sums
