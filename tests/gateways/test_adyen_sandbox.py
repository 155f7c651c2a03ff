"""The Adyen adapter and the sandbox over real HTTP: whole stories, and every scripted fault."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gateways.adapters.adyen.gateway import AdyenGateway
from gateways.errors import AnswerLost, ErrorCode, InvalidSignature, Rejected
from gateways.protocol import Opened, OutcomeKind, RevokeCardRequest
from money import Money
from tests.gateways.adyen_world import (
    HMAC_KEY,
    PASSWORD,
    USER,
    adyen_at,
    capture_request,
    charge_request,
    complete_request,
    open_request,
    refund_request,
    void_request,
)
from tests.gateways.examples import NINETY_EUROS
from tests.gateways.merchant import Merchant, listening
from tests.processes import Sandbox, wait_until

K = OutcomeKind
# Published test cards of Adyen's.
VISA = {
    "number": "4111111111111111",
    "expiryMonth": "03",
    "expiryYear": "2030",
    "cvc": "737",
    "holderName": "Ada Byron",
}


@dataclass(kw_only=True)
class Processor(Merchant):
    gateway: AdyenGateway

    def open(self, money: Money = NINETY_EUROS, **more: Any) -> Opened:
        expires_at = datetime.now(UTC) + timedelta(minutes=30)
        return self.gateway.open(open_request(money, idempotency_key=str(uuid4()), expires_at=expires_at, **more))

    def pay(self, opened: Opened, **card: Any) -> Any:
        return self.sandbox.post(f"adyen/sessions/{opened.gateway_reference}/pay", **{**VISA, **card})

    def paid(self, money: Money = NINETY_EUROS, *, holder: str = "Ada Byron", **more: Any) -> str:
        """Have a guest pay a new session and return the payment's reference."""
        reference: str = self.pay(self.open(money, **more), holderName=holder)["pspReference"]
        return reference

    def act(self, payment: str, action: str) -> None:
        """Do something in the processor's own back office."""
        self.sandbox.post(f"adyen/payments/{payment}/{action}")


@pytest.fixture
def processor(sandbox: Sandbox) -> Iterator[Processor]:
    found = Processor(slug="adyen", gateway=adyen_at(sandbox.url), sandbox=sandbox)

    with listening(found):
        account = {
            "api_key": "AQE-this-is-the-api-key",
            "hmac_key": HMAC_KEY,
            "webhook_url": found.webhook_url,
            "webhook_user": USER,
            "webhook_password": PASSWORD,
            "client_key": "test_CLIENTKEY",
        }
        # The demo has a ToursEU of its own, under another key and address; for these tests it is ours.
        httpx.put(f"{sandbox.url}/control/adyen/accounts/ToursEU", json=account).raise_for_status()
        yield found


def test_a_guest_pays_a_sale_and_three_ways_of_hearing_it_agree(processor: Processor) -> None:
    opened = processor.open()
    payment = processor.pay(opened)

    (poll,) = processor.gateway.complete(
        complete_request(opening_reference=opened.gateway_reference, evidence=payment["sessionResult"])
    )
    (webhook,) = processor.news(K.AUTHORIZED)

    assert payment["resultCode"] == "Authorised"
    assert poll.event_key == webhook.event_key == f"AUTHORISATION:{payment['pspReference']}:true"
    assert poll.money == webhook.money == Money(9000, "EUR")
    assert poll.reference.gateway == webhook.reference.gateway == payment["pspReference"]
    assert poll.reference.ours == webhook.reference.ours == "op-7Q2KMX4H"
    assert webhook.card is not None
    assert (webhook.card.brand, webhook.card.last4, webhook.card.expiry_year) == ("visa", "1111", 2030)


@pytest.mark.parametrize(
    ("holder", "code"),
    [
        ("DECLINED", ErrorCode.TRANSACTION_DECLINED),
        ("CARD_EXPIRED", ErrorCode.INVALID_CARD_EXPIRY),
        ("NOT_ENOUGH_BALANCE", ErrorCode.CREDIT_LIMIT_EXCEEDED),
        ("INVALID_CARD_NUMBER", ErrorCode.INVALID_CARD_NUMBER),
        ("ISSUER_UNAVAILABLE", ErrorCode.PROCESSOR_UNAVAILABLE),
    ],
)
def test_a_refused_card_then_another_in_the_same_session(processor: Processor, holder: str, code: ErrorCode) -> None:
    opened = processor.open()
    refused = processor.pay(opened, holderName=holder)
    (no,) = processor.news(K.DECLINED)
    paid = processor.pay(opened)
    (yes,) = processor.news(K.AUTHORIZED)

    assert no.decline is not None
    assert no.decline.code is code
    assert (no.reference.gateway, yes.reference.gateway) == (refused["pspReference"], paid["pspReference"])
    assert no.reference.ours == yes.reference.ours


def test_an_unfinished_session_says_nothing_and_an_ended_one_says_so(processor: Processor) -> None:
    opened = processor.open()
    session = opened.gateway_reference

    def result(ending: str) -> list[OutcomeKind]:
        evidence = processor.sandbox.post(f"adyen/sessions/{session}/{ending}")["sessionResult"]
        request = complete_request(opening_reference=session, evidence=evidence)
        return [outcome.kind for outcome in processor.gateway.complete(request)]

    assert result("result") == []
    assert result("cancel") == [K.EXPIRED]


def test_the_evidence_of_another_session_is_refused(processor: Processor) -> None:
    first, second = processor.open(), processor.open()
    evidence = processor.pay(first)["sessionResult"]

    with pytest.raises((Rejected, AnswerLost)):
        processor.gateway.complete(complete_request(opening_reference=second.gateway_reference, evidence=evidence))


def test_an_authorization_is_captured_in_part_and_refunded(processor: Processor) -> None:
    payment = processor.paid(captures_at_once=False)
    captured = processor.gateway.capture(capture_request(Money(6000, "EUR"), payment_reference=payment))
    (capture,) = processor.news(K.CAPTURED)
    refunded = processor.gateway.refund(refund_request(Money(1500, "EUR"), payment_reference=payment))
    (refund,) = processor.news(K.REFUNDED)

    assert captured.kind is refunded.kind is K.PENDING
    assert (capture.reference.gateway, capture.reference.payment) == (captured.reference.gateway, payment)
    assert capture.money == Money(6000, "EUR")
    assert (refund.reference.gateway, refund.money) == (refunded.reference.gateway, Money(1500, "EUR"))


def test_a_sale_is_captured_by_itself_and_can_be_refunded(processor: Processor) -> None:
    payment = processor.paid()
    processor.gateway.refund(refund_request(Money(9000, "EUR"), payment_reference=payment))

    assert processor.news(K.REFUNDED)[0].money == Money(9000, "EUR")
    assert [outcome for outcome in processor.told() if outcome.kind is K.CAPTURED] == []


def test_a_refund_beyond_the_capture_is_refused_by_webhook(processor: Processor) -> None:
    payment = processor.paid()
    asked = processor.gateway.refund(refund_request(Money(9001, "EUR"), payment_reference=payment))
    (refused,) = processor.news(K.REFUND_FAILED)

    assert asked.kind is K.PENDING
    assert refused.reference.gateway == asked.reference.gateway
    assert refused.decline is not None
    assert refused.decline.raw_text


def test_an_authorization_is_released(processor: Processor) -> None:
    payment = processor.paid(captures_at_once=False)
    asked = processor.gateway.void(void_request(payment_reference=payment))

    assert processor.news(K.VOIDED)[0].reference.gateway == asked.reference.gateway


@pytest.mark.parametrize(("captures_at_once", "kind"), [(True, K.REFUNDED), (False, K.VOIDED)])
def test_a_reversal_does_what_fits(processor: Processor, captures_at_once: bool, kind: OutcomeKind) -> None:
    payment = processor.paid(captures_at_once=captures_at_once)
    asked = processor.gateway.void(void_request(payment_reference=payment, may_be_captured=True))
    (undone,) = processor.news(kind)

    assert undone.reference.gateway == asked.reference.gateway
    assert undone.money == Money(9000, "EUR")


def test_a_refund_that_fails_days_later_takes_its_word_back(processor: Processor) -> None:
    payment = processor.paid(holder="refund failed")
    processor.gateway.refund(refund_request(Money(9000, "EUR"), payment_reference=payment))
    (done,), (failed,) = processor.news(K.REFUNDED), processor.news(K.REFUND_FAILED)

    assert done.reference.gateway == failed.reference.gateway
    assert failed.occurred_at >= done.occurred_at


def test_a_failed_capture_is_sent_again(processor: Processor) -> None:
    payment = processor.paid(captures_at_once=False, holder="capture failed")
    processor.gateway.capture(capture_request(payment_reference=payment))
    processor.news(K.CAPTURE_FAILED)
    processor.act(payment, "recapture")
    first, second = processor.news(K.CAPTURED, 2)

    assert first.reference.gateway == second.reference.gateway
    assert first.event_key != second.event_key


def test_a_dispute_is_lost_won_and_lost_again(processor: Processor) -> None:
    payment = processor.paid()
    for action in ("chargeback", "chargeback_reversed", "second_chargeback"):
        processor.act(payment, action)
    lost = processor.news(K.CHARGEBACK, 2)
    (won,) = processor.news(K.CHARGEBACK_REVERSED)

    assert len({outcome.event_key for outcome in lost}) == 2
    assert {outcome.money for outcome in (*lost, won)} == {Money(9000, "EUR")}
    assert all(outcome.dispute is not None for outcome in (*lost, won))


def test_a_stored_card_is_charged_and_deleted(processor: Processor) -> None:
    opened = processor.open(stores_card=True, shopper_reference="c-1204")
    processor.pay(opened, storePaymentMethod=True)
    card = processor.news(K.AUTHORIZED)[0].card
    assert card is not None
    assert card.token
    request = charge_request(card_token=card.token, idempotency_key=str(uuid4()))

    charged = processor.gateway.charge(request)
    first, second = processor.news(K.AUTHORIZED, 2)
    processor.gateway.revoke_card(RevokeCardRequest(card_token=card.token, shopper_reference="c-1204"))
    processor.gateway.revoke_card(RevokeCardRequest(card_token=card.token, shopper_reference="c-1204"))
    after = processor.gateway.charge(charge_request(card_token=card.token, idempotency_key=str(uuid4())))

    assert charged.kind is K.AUTHORIZED
    assert charged.event_key in {first.event_key, second.event_key}
    assert after.kind is K.DECLINED
    assert after.decline is not None
    assert after.decline.code is ErrorCode.UNDEFINED_CARD_ERROR


def test_a_stored_card_is_refused_under_another_guests_reference(processor: Processor) -> None:
    processor.pay(processor.open(stores_card=True, shopper_reference="c-1204"), storePaymentMethod=True)
    card = processor.news(K.AUTHORIZED)[0].card
    assert card is not None

    stolen = charge_request(card_token=card.token, shopper_reference="c-9999", idempotency_key=str(uuid4()))

    assert processor.gateway.charge(stolen).kind is K.DECLINED
    assert len(processor.news(K.AUTHORIZED)) == 1


@pytest.mark.parametrize("money", [Money(1500, "JPY"), Money(12_340, "KWD"), Money(5000, "CLP"), Money(45_600, "IDR")])
def test_other_decimals_come_back_as_they_went(processor: Processor, money: Money) -> None:
    processor.paid(money)

    assert processor.news(K.AUTHORIZED)[0].money == money


@pytest.mark.parametrize("fault", ["hang", "error", "unavailable", "garbage", "reset", "answer_lost", "in_progress"])
@pytest.mark.parametrize("operation", ["sessions", "refund", "capture", "cancel", "payments"])
def test_every_fault_leaves_the_outcome_unknown_and_the_same_call_again_settles_it(
    processor: Processor, operation: str, fault: str
) -> None:
    key = str(uuid4())
    expires_at = datetime.now(UTC) + timedelta(minutes=30)
    adyen = processor.gateway

    def call() -> Any:
        match operation:
            case "sessions":
                return adyen.open(open_request(idempotency_key=key, expires_at=expires_at)).gateway_reference
            case "refund":
                return adyen.refund(refund_request(payment_reference=payment, idempotency_key=key)).reference
            case "capture":
                return adyen.capture(capture_request(payment_reference=payment, idempotency_key=key)).reference
            case "cancel":
                return adyen.void(void_request(payment_reference=payment, idempotency_key=key)).reference
            case _:
                return adyen.charge(charge_request(card_token=token, idempotency_key=key)).reference

    payment, token = "", ""
    if operation == "payments":
        processor.pay(processor.open(stores_card=True, shopper_reference="c-1204"), storePaymentMethod=True)
        card = processor.news(K.AUTHORIZED)[0].card
        assert card is not None
        assert card.token
        token = card.token
    elif operation != "sessions":
        payment = processor.paid(captures_at_once=operation == "refund")
    before = processor.asked(operation)
    processor.fails(operation, fault, seconds=0.2)

    with pytest.raises(AnswerLost):
        call()
    settled = call()

    assert settled == call()
    assert processor.asked(operation) == before + 3


def test_an_answer_lost_after_success_took_the_money_once(processor: Processor) -> None:
    payment = processor.paid()
    request = refund_request(Money(9000, "EUR"), payment_reference=payment, idempotency_key=str(uuid4()))
    processor.fails("refund", "answer_lost")

    with pytest.raises(AnswerLost):
        processor.gateway.refund(request)
    again = processor.gateway.refund(request)

    assert [outcome.reference.gateway for outcome in processor.news(K.REFUNDED)] == [again.reference.gateway]


@pytest.mark.parametrize(("fault", "kind"), [("wrong_amount", K.AUTHORIZED), ("wrong_currency", K.AUTHORIZED)])
def test_a_wrong_figure_is_told_as_it_was_said(processor: Processor, fault: str, kind: OutcomeKind) -> None:
    processor.fails("webhook", fault)
    processor.paid()

    assert processor.news(kind)[0].money not in (None, Money(9000, "EUR"))


def test_a_wrongly_signed_webhook_is_refused(processor: Processor) -> None:
    processor.fails("webhook", "wrongly_signed")
    processor.paid()
    wait_until(lambda: processor.deliveries, what="a delivery")

    with pytest.raises(InvalidSignature):
        processor.gateway.verify_webhook(processor.deliveries[0])


def test_a_doubled_webhook_has_one_key(processor: Processor) -> None:
    processor.fails("webhook", "doubled")
    processor.paid()
    first, second = processor.news(K.AUTHORIZED, 2)
    keys = {processor.gateway.verify_webhook(delivery).delivery_key for delivery in processor.deliveries}

    assert first.event_key == second.event_key
    assert len(keys) == 1
