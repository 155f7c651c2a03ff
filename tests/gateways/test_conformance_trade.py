"""Every gateway of the settings trades at the sandbox, over real HTTP: each verb exactly where it is declared, and what
the adapter believes afterwards is what the processor's own record says.
"""

import dataclasses
import json
import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings

from gateways.errors import ErrorCode, InvalidSignature, Rejected, Unsupported
from gateways.exponents import UnknownPair
from gateways.protocol import Capability, EncryptedCard, OutcomeKind, RawCard, Reference, RevokeCardRequest
from gateways.registry import gateway_class
from money import Money
from payments.states import State
from tests.gateways.examples import Examples
from tests.gateways.trade import GUEST, Paid, Trade, position_of, trading
from tests.processes import Sandbox

C = Capability
K = OutcomeKind
NINETY, SIXTY, THIRTY, TEN = (Money(minor, "EUR") for minor in (9000, 6000, 3000, 1000))
EXAMPLES = Examples(opening="none", payment="none", card="none")


@pytest.fixture(params=sorted(settings.GATEWAYS))
def trade(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Trade]:
    with trading(request.param, sandbox) as found:
        yield found


def believes(trade: Trade, paid: Paid, state: State, *, held: int = 0, **moved: int) -> None:
    """See that all that was heard, what is fetched alone, and the processor's own record say the same of a payment."""
    expected = {"captured": 0, "refunded": 0, "charged_back": 0, **moved}
    ways = {"heard": trade.heard(paid)}
    if trade.can(C.FETCH):
        ways["fetched"] = trade.fetched(paid)
    for way, said in ways.items():
        position = position_of(said, paid)
        sums = {
            "captured": position.captured_minor,
            "refunded": position.refunded_minor,
            "charged_back": position.charged_back_minor,
        }
        assert (position.state, position.authorized_minor, sums) == (state, held, expected), way
    if trade.standin is not None:
        assert trade.moved(paid) == expected


def test_a_guest_pays_what_was_opened(trade: Trade) -> None:
    if not trade.can(C.OPEN):
        with pytest.raises(Unsupported):
            trade.gateway.open(trade.open_request(NINETY))

    believes(trade, trade.paid(NINETY), State.CAPTURED, captured=9000)


def test_a_refused_card_is_a_decline_that_moves_nothing(trade: Trade) -> None:
    refused = trade.paid(NINETY, kinds=["refused"])

    declines = [one.decline for one in trade.heard(refused) if one.kind is K.DECLINED]
    assert declines
    assert {type(decline.code) for decline in declines if decline} == {ErrorCode}
    believes(trade, refused, State.FAILED)


def test_money_is_held_and_captured(trade: Trade) -> None:
    if not trade.can(C.AUTHORIZE):
        with pytest.raises(Unsupported):
            trade.paid(NINETY, captures_at_once=False)
    if not trade.can(C.CAPTURE):
        with pytest.raises(Unsupported):
            trade.gateway.capture(EXAMPLES.capture_request())
        return
    paid = trade.paid(NINETY, captures_at_once=False)
    believes(trade, paid, State.AUTHORIZED, held=9000)

    trade.capture(paid, NINETY)

    believes(trade, paid, State.CAPTURED, captured=9000)


def test_a_part_is_captured_and_the_rest_is_let_go(trade: Trade) -> None:
    if not trade.can(C.CAPTURE):
        assert not trade.can(C.PARTIAL_CAPTURE)
        return
    paid = trade.paid(NINETY, captures_at_once=False)

    if not trade.can(C.PARTIAL_CAPTURE):
        with pytest.raises(Unsupported):
            trade.capture(paid, SIXTY)
        return
    trade.capture(paid, SIXTY)

    believes(trade, paid, State.CAPTURED, captured=6000)


def test_what_is_held_is_released(trade: Trade) -> None:
    if not trade.can(C.VOID):
        with pytest.raises(Unsupported):
            trade.gateway.void(EXAMPLES.void_request())
        return
    paid = trade.paid(NINETY, captures_at_once=not trade.can(C.AUTHORIZE))

    trade.void(paid)

    believes(trade, paid, State.VOIDED)


def test_all_is_given_back(trade: Trade) -> None:
    if not trade.can(C.REFUND):
        with pytest.raises(Unsupported):
            trade.gateway.refund(EXAMPLES.refund_request())
        return
    paid = trade.paid(NINETY)

    trade.refund(paid, NINETY)

    believes(trade, paid, State.REFUNDED, captured=9000, refunded=9000)


def test_parts_are_given_back_one_after_another(trade: Trade) -> None:
    if not trade.can(C.REFUND):
        assert not trade.can(C.PARTIAL_REFUND)
        return
    paid = trade.paid(NINETY)

    if not trade.can(C.PARTIAL_REFUND):
        with pytest.raises(Unsupported):
            trade.refund(paid, THIRTY)
        return
    trade.refund(paid, THIRTY)
    trade.refund(paid, TEN)

    believes(trade, paid, State.CAPTURED, captured=9000, refunded=4000)


def test_what_was_captured_in_part_is_given_back_in_part(trade: Trade) -> None:
    if not trade.can(C.PARTIAL_CAPTURE, C.PARTIAL_REFUND):
        return
    paid = trade.paid(NINETY, captures_at_once=False)
    trade.capture(paid, SIXTY)

    trade.refund(paid, TEN)

    believes(trade, paid, State.CAPTURED, captured=6000, refunded=1000)


def test_a_card_that_was_kept_is_charged_without_the_guest(trade: Trade) -> None:
    if not trade.can(C.CHARGE_STORED_CARD):
        with pytest.raises(Unsupported):
            trade.charge_card("none", NINETY)
        return
    assert trade.can(C.STORE_CARD)
    token = trade.kept_card()

    charged = trade.charge_card(token, THIRTY)

    believes(trade, charged, State.CAPTURED, captured=3000)


@pytest.mark.parametrize(
    ("needed", "of_nobody"),
    [
        (C.CHARGE_ENCRYPTED_CARD, EncryptedCard(number="a blob", expiry_month="of", expiry_year="nobody's")),
        (C.CHARGE_RAW_CARD, RawCard(number="4000000000000002", expiry_month="01", expiry_year="2030")),
    ],
)
def test_a_card_is_charged_by_its_own_details(
    trade: Trade, needed: Capability, of_nobody: EncryptedCard | RawCard
) -> None:
    if not trade.can(needed):
        with pytest.raises(Unsupported):
            trade.charge_details(of_nobody, NINETY)
        return

    charged = trade.charge_details(trade.standin.card_details(is_raw=needed is C.CHARGE_RAW_CARD), THIRTY)

    believes(trade, charged, State.CAPTURED, captured=3000)


def test_a_card_that_was_revoked_cannot_be_charged(trade: Trade) -> None:
    if not trade.can(C.STORE_CARD):
        with pytest.raises(Unsupported):
            trade.gateway.revoke_card(EXAMPLES.revoke_request())
        return
    revoke = RevokeCardRequest(card_token=trade.kept_card(), shopper_reference=GUEST)
    try:
        trade.gateway.revoke_card(revoke)
    except Unsupported:
        return  # not every gateway that keeps cards documents a way to delete one
    trade.gateway.revoke_card(revoke)

    charged = trade.charge_card(revoke.card_token, THIRTY)

    (refused,) = charged.said
    assert refused.decline is not None
    assert refused.decline.is_card_gone


def test_what_is_asked_of_a_gateway_that_cannot_be_asked_is_unsupported(trade: Trade) -> None:
    paid = trade.paid(NINETY)
    reference = paid.said[-1].reference

    if not trade.can(C.FETCH):
        with pytest.raises(Unsupported):
            trade.gateway.fetch(reference)
        return

    for named in (reference, Reference(ours=reference.ours)):
        assert position_of(trade.gateway.fetch(named), paid).captured_minor == 9000, named
    assert trade.gateway.fetch(Reference(ours="op-of-nobody")) == ()


@pytest.mark.parametrize("money", [Money(1500, "JPY"), Money(1234, "EUR"), Money(12_340, "KWD")], ids=str)
def test_currencies_of_zero_two_and_three_decimals_come_back_as_they_went(trade: Trade, money: Money) -> None:
    try:
        gateway_class(trade.slug).exponents.exponent(money.currency)
    except UnknownPair:
        with pytest.raises((Rejected, UnknownPair)):
            trade.paid(money)
        assert trade.rows() == []
        return
    paid = trade.paid(money)

    trade.refund(paid, Money(money.minor - 1000, money.currency))

    believes(trade, paid, State.CAPTURED, captured=money.minor, refunded=money.minor - 1000)


def test_what_a_processor_sends_is_proved_and_the_same_under_the_same_key(trade: Trade) -> None:
    if not trade.can(C.WEBHOOKS):
        with pytest.raises(Unsupported):
            trade.gateway.verify_webhook(None)
        return
    paid = trade.paid(NINETY)
    trade.happens("staff_refunds", paid, 1000)
    trade.sandbox.post("webhooks/flush")

    for delivery in trade.deliveries:
        again = dataclasses.replace(delivery, received_at=delivery.received_at + timedelta(minutes=1))
        assert trade.gateway.verify_webhook(again) == trade.gateway.verify_webhook(delivery)
        first, second = (trade.gateway.read_webhook(one) for one in (delivery, again))
        assert [(one.kind, one.event_key) for one in first] == [(one.kind, one.event_key) for one in second]
        with pytest.raises(InvalidSignature):
            trade.gateway.verify_webhook(dataclasses.replace(delivery, body=b"{}"))


def test_no_card_number_and_no_secret_is_told_or_logged(trade: Trade, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        said = [one for kinds in (["refused"], [""]) for one in trade.heard(trade.paid(NINETY, kinds=kinds))]

    shown = [repr(trade.gateway), caplog.text, *(str(record.__dict__) for record in caplog.records)]
    shown += [text for one in said for text in (repr(one), json.dumps(dict(one.raw)), one.event_key)]
    everything = "\n".join([*shown, *(repr(delivery) for delivery in trade.deliveries)])
    assert [secret for secret in trade.secrets if secret in everything] == []
