"""The Stripe adapter and the sandbox over real HTTP: whole stories, and every scripted fault."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gateways.adapters.stripe import standin
from gateways.adapters.stripe.gateway import StripeGateway
from gateways.errors import AnswerLost, Busy, ErrorCode, InvalidSignature, NotSent, Rejected
from gateways.protocol import Opened, Outcome, OutcomeKind, Reference, RevokeCardRequest
from money import Money
from tests.gateways.examples import NINETY_EUROS
from tests.gateways.merchant import SUMS, Merchant, listening
from tests.gateways.stripe_world import (
    PUBLISHABLE_KEY,
    SECRET_KEY,
    WEBHOOK_SECRET,
    capture_request,
    charge_request,
    complete_request,
    open_request,
    refund_request,
    stripe_at,
    void_request,
)
from tests.processes import Sandbox, wait_until

K = OutcomeKind
ACCOUNT = "acct_1C8dFh1Ju0pTours1"
# Published test cards of Stripe's.
VISA, DECLINED, NO_FUNDS, EXPIRED = "4242424242424242", "4000000000000002", "4000000000009995", "4000000000000069"
ASKS_ALWAYS, ASKS_ONCE, DECLINED_WHEN_KEPT = "4000002760003184", "4000002500003155", "4000000000000341"
REFUND_PENDING, REFUND_FAILS, FRAUD = "4000000000007726", "4000000000005126", "4000000000000259"


@dataclass(kw_only=True)
class Processor(Merchant):
    gateway: StripeGateway

    def open(self, money: Money = NINETY_EUROS, **more: Any) -> Opened:
        fields = {"expires_at": datetime.now(UTC) + timedelta(minutes=30), "idempotency_key": str(uuid4()), **more}
        return self.gateway.open(open_request(money, **fields))

    def pay(self, intent: str, number: str = VISA, **more: Any) -> Any:
        card = {"number": number, "expiryMonth": "12", "expiryYear": "2034", "cvc": "123", "holderName": "Ada Byron"}
        return self.sandbox.post(f"stripe/payment_intents/{intent}/pay", **{**card, **more})

    def paid(self, money: Money = NINETY_EUROS, *, number: str = VISA, **more: Any) -> str:
        """Have a guest pay a new intent and return the payment's reference."""
        intent = self.open(money, **more).gateway_reference
        self.pay(intent, number)
        return intent

    def kept_card(self, number: str = VISA) -> str:
        """Have a guest pay and keep the card; return its token."""
        self.paid(number=number, stores_card=True, shopper_reference="c-1204")
        card = self.news(K.AUTHORIZED)[-1].card
        assert card is not None
        assert card.token
        assert card.shopper_reference == "c-1204"
        return card.token

    def act(self, payment: str, action: str, **more: Any) -> Any:
        """Do something in the processor's own back office."""
        return self.sandbox.post(f"stripe/payment_intents/{payment}/{action}", **more)

    def money(self) -> list[tuple[int, ...]]:
        """Return authorized, captured, refunded, cancelled and charged back of every reference of ours."""
        return [tuple(row[name] for name in SUMS) for row in self.rows()]


@pytest.fixture
def processor(sandbox: Sandbox) -> Iterator[Processor]:
    found = Processor(slug="stripe", gateway=stripe_at(sandbox.url), sandbox=sandbox)

    with listening(found):
        account = {
            "secret_key": SECRET_KEY,
            "publishable_key": PUBLISHABLE_KEY,
            "webhook_secret": WEBHOOK_SECRET,
            "webhook_url": found.webhook_url,
        }
        sandbox.put(f"stripe/accounts/{ACCOUNT}", **account)
        yield found


def test_a_guest_pays_a_sale_and_three_ways_of_hearing_it_agree(processor: Processor) -> None:
    opened = processor.open()
    intent = opened.gateway_reference
    paid = processor.pay(intent)

    authorized, captured = processor.gateway.complete(complete_request(opening_reference=intent))
    fetched = processor.gateway.fetch(Reference(ours="op-7Q2KMX4H", opening=intent))
    (told_first,) = processor.news(K.AUTHORIZED)
    (told_last,) = processor.news(K.CAPTURED)

    assert paid["status"] == "succeeded"
    assert [authorized.event_key, captured.event_key] == [told_first.event_key, told_last.event_key]
    assert [outcome.event_key for outcome in fetched] == [authorized.event_key, captured.event_key]
    assert authorized.reference == told_first.reference
    assert captured.reference == told_last.reference
    assert captured.money == told_last.money == Money(9000, "EUR")
    assert told_first.card is not None
    assert (told_first.card.brand, told_first.card.last4, told_first.card.token) == ("visa", "4242", None)
    assert processor.money() == [(9000, 9000, 0, 0, 0)]


@pytest.mark.parametrize(
    ("money", "minor"), [(Money(5, "ISK"), 5), (Money(10_000, "MGA"), 10_000), (Money(500, "JPY"), 500)], ids=str
)
def test_both_sides_count_strange_currencies_alike(processor: Processor, money: Money, minor: int) -> None:
    intent = processor.paid(money)

    told = processor.gateway.complete(complete_request(opening_reference=intent, money=money))

    assert [outcome.money for outcome in told] == [money, money]
    assert processor.money() == [(minor, minor, 0, 0, 0)]


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (DECLINED, ErrorCode.TRANSACTION_DECLINED),
        (EXPIRED, ErrorCode.INVALID_CARD_EXPIRY),
        (NO_FUNDS, ErrorCode.CREDIT_LIMIT_EXCEEDED),
        ("4000000000000119", ErrorCode.PROCESSOR_UNAVAILABLE),
        ("4100000000000019", ErrorCode.TRANSACTION_DECLINED),
        ("4111111111111111", ErrorCode.UNDEFINED_CARD_ERROR),
    ],
)
def test_a_refused_card_then_another_for_the_same_intent(processor: Processor, number: str, code: ErrorCode) -> None:
    intent = processor.open().gateway_reference
    refused = processor.pay(intent, number)
    (no, twin) = processor.news(K.DECLINED, 2)
    (polled,) = processor.gateway.complete(complete_request(opening_reference=intent))
    processor.pay(intent)
    (yes,) = processor.news(K.CAPTURED)
    fetched = processor.gateway.fetch(Reference(opening=intent))

    assert refused["status"] == "requires_payment_method"
    assert no.decline is not None
    assert twin.decline is not None
    assert polled.decline is not None
    assert no.decline.code is twin.decline.code is polled.decline.code is code
    assert no.event_key == twin.event_key == polled.event_key == f"declined:{refused['charge']}"
    assert (no.reference.gateway, yes.reference.gateway) == (refused["charge"], intent)
    assert no.reference.ours == yes.reference.ours
    assert [outcome.kind for outcome in fetched] == [K.DECLINED, K.AUTHORIZED, K.CAPTURED]
    assert fetched[0].event_key == no.event_key


def test_a_guest_who_cannot_prove_who_they_are_is_refused_without_a_charge(processor: Processor) -> None:
    intent = processor.open().gateway_reference
    refused = processor.pay(intent, ASKS_ALWAYS, authenticates=False)
    (no,) = processor.news(K.DECLINED)
    processor.pay(intent, ASKS_ALWAYS)
    (yes,) = processor.news(K.CAPTURED)

    assert (refused["code"], refused["charge"]) == ("payment_intent_authentication_failure", None)
    assert no.decline is not None
    assert no.decline.code is ErrorCode.TRANSACTION_DECLINED
    assert no.reference.gateway is not None
    assert no.reference.gateway.startswith("pm_")
    assert yes.reference.gateway == intent


def test_an_authorization_is_captured_in_part_and_refunded_in_parts(processor: Processor) -> None:
    payment = processor.paid(captures_at_once=False)
    (held,) = processor.gateway.complete(complete_request(opening_reference=payment))
    captured = processor.gateway.capture(capture_request(Money(6000, "EUR"), payment_reference=payment))
    (told,) = processor.news(K.CAPTURED)
    first = processor.gateway.refund(refund_request(Money(1500, "EUR"), payment_reference=payment))
    second = processor.gateway.refund(
        refund_request(Money(4500, "EUR"), payment_reference=payment, reference="tx-SECOND", idempotency_key="second")
    )
    refunds = processor.news(K.REFUNDED, 2)

    assert (held.kind, held.money) == (K.AUTHORIZED, Money(9000, "EUR"))
    assert (captured.kind, captured.money) == (K.CAPTURED, Money(6000, "EUR"))
    assert (captured.event_key, captured.reference) == (told.event_key, told.reference)
    assert {refund.event_key for refund in refunds} == {first.event_key, second.event_key}
    assert {refund.reference.ours for refund in refunds} == {"tx-9W4TB6NE", "tx-SECOND"}
    assert processor.money() == [(9000, 6000, 6000, 0, 0)]


def test_a_void_releases_the_hold_once(processor: Processor) -> None:
    payment = processor.paid(captures_at_once=False)
    voided = processor.gateway.void(void_request(payment_reference=payment))
    (told,) = processor.news(K.VOIDED)
    again = processor.gateway.void(void_request(payment_reference=payment))
    elsewhere = processor.gateway.void(void_request(payment_reference=payment, idempotency_key="another"))

    assert {voided.event_key, again.event_key, elsewhere.event_key, told.event_key} == {f"voided:{payment}"}
    assert voided.occurred_at == told.occurred_at
    assert processor.money() == [(9000, 0, 0, 9000, 0)]


def test_what_may_be_captured_is_given_back_whole(processor: Processor) -> None:
    held, taken = processor.paid(captures_at_once=False), processor.paid()

    released = processor.gateway.void(void_request(payment_reference=held, idempotency_key="a", may_be_captured=True))
    refunded = processor.gateway.void(void_request(payment_reference=taken, idempotency_key="b", may_be_captured=True))
    too_late = processor.gateway.void(void_request(payment_reference=taken, idempotency_key="c"))

    assert (released.kind, refunded.kind, too_late.kind) == (K.VOIDED, K.REFUNDED, K.VOID_FAILED)
    assert refunded.money == Money(9000, "EUR")


def test_a_hold_that_runs_out_is_released_and_cannot_be_captured(processor: Processor) -> None:
    payment = processor.paid(captures_at_once=False)
    processor.act(payment, "expire")
    (told,) = processor.news(K.VOIDED)

    late = processor.gateway.capture(capture_request(payment_reference=payment))

    assert (told.event_key, told.reference.payment) == (f"voided:{payment}", payment)
    assert late.kind is K.CAPTURE_FAILED


def test_an_intent_whose_time_is_over_is_canceled_by_looking_at_it(processor: Processor) -> None:
    over = processor.open(expires_at=datetime.now(UTC) - timedelta(seconds=1)).gateway_reference
    running = processor.open().gateway_reference
    paid = processor.paid(expires_at=datetime.now(UTC) - timedelta(seconds=1))

    looks = [processor.gateway.fetch(Reference(opening=intent)) for intent in (over, running, paid)]

    assert [[outcome.kind for outcome in look] for look in looks] == [[K.EXPIRED], [], [K.AUTHORIZED, K.CAPTURED]]
    (told,) = processor.news(K.EXPIRED)
    assert (told.event_key, told.reference) == (looks[0][0].event_key, looks[0][0].reference)
    assert told.reference == Reference(ours="op-7Q2KMX4H", opening=over)
    with pytest.raises(httpx.HTTPStatusError):
        processor.pay(over)


def test_a_kept_card_is_charged_without_the_guest_until_it_is_revoked(processor: Processor) -> None:
    token = processor.kept_card()
    charged = processor.gateway.charge(charge_request(card_token=token))
    held = processor.gateway.charge(
        charge_request(card_token=token, captures_at_once=False, idempotency_key="held", reference="tx-HELD")
    )
    processor.gateway.revoke_card(RevokeCardRequest(card_token=token, shopper_reference="c-1204"))
    processor.gateway.revoke_card(RevokeCardRequest(card_token=token, shopper_reference="c-1204"))
    (gone,) = processor.news(K.CARD_REVOKED)
    refused = processor.gateway.charge(charge_request(card_token=token, idempotency_key="late"))

    assert (charged.kind, held.kind) == (K.CAPTURED, K.AUTHORIZED)
    assert charged.reference.ours == "tx-2M9DKR7C"
    assert gone.card is not None
    assert gone.card.token == token
    assert refused.decline is not None
    assert (refused.kind, refused.decline.is_card_gone) == (K.DECLINED, True)
    found = processor.gateway.fetch(Reference(ours="tx-2M9DKR7C"))
    assert [outcome.event_key for outcome in found][-1] == charged.event_key
    assert processor.gateway.fetch(Reference(ours="tx-NEVER")) == ()


@pytest.mark.parametrize(
    ("number", "expected"), [(ASKS_ONCE, None), (ASKS_ALWAYS, "authentication_required"), (DECLINED_WHEN_KEPT, "")]
)
def test_what_a_kept_card_says_to_a_charge_without_its_holder(
    processor: Processor, number: str, expected: str | None
) -> None:
    if number == DECLINED_WHEN_KEPT:
        token = processor.kept_card()
        processor.sandbox.post(
            f"stripe/payment_methods/{token.partition(':')[2]}/behavior", behavior="insufficient_funds"
        )
        expected = "insufficient_funds"
    else:
        token = processor.kept_card(number)
    outcome = processor.gateway.charge(charge_request(card_token=token))

    if expected is None:
        assert outcome.kind is K.CAPTURED
        return
    assert outcome.kind is K.DECLINED
    assert outcome.decline is not None
    assert (outcome.decline.raw_code, outcome.decline.is_card_gone) == (expected, False)
    told = processor.news(K.DECLINED, 2)
    assert {news.event_key for news in told} == {outcome.event_key}
    assert {news.reference.gateway for news in told} == {outcome.reference.gateway}


def test_a_refund_may_wait_and_may_come_back(processor: Processor) -> None:
    waiting, failing = processor.paid(number=REFUND_PENDING), processor.paid(number=REFUND_FAILS)

    waits = processor.gateway.refund(refund_request(payment_reference=waiting))
    fails = processor.gateway.refund(
        refund_request(payment_reference=failing, idempotency_key="fails", reference="tx-F")
    )
    done = {news.reference.ours: news for news in processor.news(K.REFUNDED, 2)}
    (undone,) = processor.news(K.REFUND_FAILED)
    looked = processor.gateway.fetch(Reference(ours="tx-F", payment=failing))

    assert (waits.kind, fails.kind) == (K.PENDING, K.REFUNDED)
    assert set(done) == {"tx-9W4TB6NE", "tx-F"}
    assert undone.reference.gateway == fails.reference.gateway
    assert undone.occurred_at > done["tx-F"].occurred_at
    assert [outcome.event_key for outcome in looked][-1] == undone.event_key


def test_a_dispute_goes_through_its_stages(processor: Processor) -> None:
    payment = processor.paid(number=FRAUD)
    (opened,) = processor.news(K.DISPUTE_OPENED)
    (taken,) = processor.news(K.CHARGEBACK)
    refused = processor.gateway.refund(refund_request(payment_reference=payment))
    processor.act(payment, "dispute_answered")
    processor.act(payment, "dispute_won")
    (given,) = processor.news(K.CHARGEBACK_REVERSED)
    looked = {outcome.kind: outcome for outcome in processor.gateway.fetch(Reference(payment=payment))}

    assert opened.dispute is not None
    assert (opened.dispute.stage, opened.dispute.evidence_due_at is not None) == ("needs_response", True)
    assert opened.reference.gateway == taken.reference.gateway == given.reference.gateway
    assert taken.money == given.money == Money(9000, "EUR")
    assert refused.kind is K.REFUND_FAILED
    assert {kind: looked[kind].event_key for kind in (K.DISPUTE_OPENED, K.CHARGEBACK, K.CHARGEBACK_REVERSED)} == {
        outcome.kind: outcome.event_key for outcome in (opened, taken, given)
    }
    assert processor.money() == [(9000, 9000, 0, 0, 0)]


def test_an_inquiry_moves_nothing_and_what_the_dashboard_does_is_told(processor: Processor) -> None:
    asked, refunded = processor.paid(), processor.paid()
    processor.act(asked, "inquiry")
    processor.act(asked, "dispute_lost")
    processor.act(refunded, "refund", amount=2500)
    (opened,) = processor.news(K.DISPUTE_OPENED)
    (refund,) = processor.news(K.REFUNDED)
    looked = processor.gateway.fetch(Reference(ours="tx-ASKED", payment=refunded))

    assert opened.dispute is not None
    assert opened.dispute.stage == "warning_needs_response"
    assert refund.reference.ours is None
    assert refund.money == Money(2500, "EUR")
    # What somebody else did must not pass for the operation that is asked about.
    assert [outcome.reference.ours for outcome in looked] == ["op-7Q2KMX4H"] * 3
    assert not [outcome for outcome in processor.told() if outcome.kind is K.CHARGEBACK]


def test_an_intent_in_work_is_pending_until_its_bank_decides(processor: Processor) -> None:
    intent = processor.open().gateway_reference
    processor.pay(intent, processes=True)
    (waits,) = processor.news(K.PENDING)
    (polled,) = processor.gateway.complete(complete_request(opening_reference=intent))
    processor.act(intent, "settle")

    processor.news(K.CAPTURED)
    assert waits.event_key == polled.event_key == f"pending:{intent}"
    assert waits.reference == polled.reference == Reference(ours="op-7Q2KMX4H", opening=intent)


@pytest.mark.parametrize(
    ("is_good", "said"), [(True, "succeeded"), (False, "requires_payment_method insufficient_funds")]
)
def test_an_account_of_the_demo_works_and_its_guest_pays(processor: Processor, is_good: bool, said: str) -> None:
    fields = standin.credentials(
        "stripe-eu", lambda name: hashlib.sha256(name.encode()).hexdigest(), processor.sandbox.url
    )
    described = standin.sandbox_account(fields, processor.webhook_url)
    processor.sandbox.put(f"stripe/accounts/{standin.account_name(described)}", **described)
    stripe = StripeGateway(fields)
    opened = stripe.open(open_request(expires_at=datetime.now(UTC) + timedelta(minutes=30)))

    path, card = standin.guest_pays(opened.client, is_good=is_good)
    answer = processor.sandbox.post(path, **card)

    assert standin.said(answer) == said
    assert standin.opened(opened.client) == opened.gateway_reference
    assert standin.opened(stripe.client_settings(money=NINETY_EUROS, country_code="DE")) == ""
    assert standin.brought(opened.client, answer) == {"paymentIntent": opened.gateway_reference}
    kind = "payment_intent.succeeded" if is_good else "charge.failed"
    (told,) = processor.sandbox.get("webhooks", event=kind)["webhooks"]
    assert standin.attempt(answer) == told["item"]["data"]["object"]["id"]


@pytest.mark.parametrize("fault", ["answer_lost", "slow"])
def test_a_lost_answer_is_found_by_the_same_key_and_nothing_is_done_twice(processor: Processor, fault: str) -> None:
    payment = processor.paid(captures_at_once=False)
    steps = {
        "capture": lambda: processor.gateway.capture(capture_request(payment_reference=payment)),
        "refund": lambda: processor.gateway.refund(refund_request(payment_reference=payment)),
    }

    def told(step: Callable[[], Outcome]) -> Outcome | None:
        # While the first call is still being worked on, its twin is turned away.
        with suppress(AnswerLost):
            return step()
        return None

    patient, impatient = processor.gateway, stripe_at(processor.sandbox.url, timeout_seconds="0.4")
    for operation, step in steps.items():
        processor.fails(operation, fault, seconds=0.6)
        processor.gateway = impatient
        with pytest.raises(AnswerLost):
            step()
        processor.gateway = patient
        found = wait_until(partial(told, step), what="the answer")
        assert found.kind in (K.CAPTURED, K.REFUNDED)

    assert processor.money() == [(9000, 9000, 3000, 0, 0)]


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("hang", AnswerLost),
        ("error", AnswerLost),
        ("unavailable", AnswerLost),
        ("garbage", AnswerLost),
        ("reset", AnswerLost),
        ("in_progress", AnswerLost),
    ],
)
def test_a_fault_before_the_work_moves_nothing(processor: Processor, fault: str, problem: type[Exception]) -> None:
    key = str(uuid4())
    processor.fails("payment_intents", fault, seconds=0.2)

    with pytest.raises(problem):
        processor.open(idempotency_key=key)

    opened = processor.open(idempotency_key=key)
    assert processor.gateway.complete(complete_request(opening_reference=opened.gateway_reference)) == ()
    assert processor.money() == []


def test_a_key_is_good_for_one_request_only(processor: Processor) -> None:
    payment, other = processor.paid(), processor.paid()
    processor.gateway.refund(refund_request(payment_reference=payment))

    with pytest.raises(Rejected):
        processor.gateway.refund(refund_request(payment_reference=other))

    assert sorted(processor.money()) == [(18000, 18000, 3000, 0, 0)]


def test_a_refund_larger_than_the_payment_moves_nothing(processor: Processor) -> None:
    payment = processor.paid()

    said = processor.gateway.refund(refund_request(Money(9001, "EUR"), payment_reference=payment))

    assert said.kind is OutcomeKind.REFUND_FAILED
    assert processor.money() == [(9000, 9000, 0, 0, 0)]


def test_another_key_opens_nothing(processor: Processor) -> None:
    stranger = stripe_at(processor.sandbox.url, secret_key="sk_test_51somebodyelse")

    with pytest.raises(Rejected) as refused:
        stranger.open(open_request())

    assert not isinstance(refused.value, (NotSent, Busy))


def test_a_wrongly_signed_event_is_refused_and_a_doubled_one_is_one(processor: Processor) -> None:
    processor.fails("webhook", "wrongly_signed", match={"type": "charge.succeeded"})
    processor.fails("webhook", "doubled", match={"type": "payment_intent.succeeded"})
    processor.paid()
    deliveries = wait_until(
        lambda: list(processor.deliveries) if len(processor.deliveries) == 3 else None, what="three deliveries"
    )

    keys, refused = [], 0
    for delivery in deliveries:
        try:
            keys.append(processor.gateway.verify_webhook(delivery).delivery_key)
        except InvalidSignature:
            refused += 1

    assert refused == 1
    assert len(keys) == 2
    assert len(set(keys)) == 1
