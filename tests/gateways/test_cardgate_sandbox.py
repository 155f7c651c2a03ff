"""The CardGate adapter and the sandbox over real HTTP: whole stories, and every scripted fault."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gateways.adapters.cardgate.gateway import CardgateGateway
from gateways.errors import AnswerLost, Busy, ErrorCode, InvalidSignature, Rejected
from gateways.protocol import Card, Opened, Outcome, OutcomeKind, Reference
from gateways.sandbox.cardgate.cards import RESOLUTIONS
from money import Money
from tests.gateways.cardgate_world import (
    ACCOUNT,
    API_KEY,
    PRIVATE_KEY,
    cardgate_at,
    charge_request,
    complete_request,
    open_request,
    refund_request,
)
from tests.gateways.examples import NINETY_EUROS
from tests.gateways.merchant import Merchant, listening
from tests.processes import Sandbox, wait_until

K = OutcomeKind
# The vendor's published test cards; any security code will do.
PAYS, ASKS, FAILS = "5519283812030000", "5123817234060000", "4302912837020000"
CARD = {"number": PAYS, "expiryMonth": "12", "expiryYear": "2032", "cvc": "123", "holderName": "Ada Byron"}
GUEST = "c-1204"


@dataclass(kw_only=True)
class Processor(Merchant):
    gateway: CardgateGateway

    def open(self, money: Money = NINETY_EUROS, **more: Any) -> Opened:
        fields = {"reference": new("op"), "expires_at": datetime.now(UTC) + timedelta(minutes=30), **more}
        return self.gateway.open(open_request(money, **fields))

    def pay(self, invoice: str, **card: Any) -> Any:
        return self.sandbox.post(f"cardgate/invoices/{invoice}/pay", **{**CARD, **card})

    def paid(self, money: Money = NINETY_EUROS, *, holder: str = "Ada Byron", **more: Any) -> str:
        """Have a guest pay a new invoice and return its id."""
        invoice = self.open(money, **more).gateway_reference
        assert self.pay(invoice, holderName=holder)["status"] in ("processed", "partially_processed")
        return invoice

    def act(self, invoice: str, action: str, **more: Any) -> Any:
        """Do something in the vendor's portal."""
        return self.sandbox.post(f"cardgate/invoices/{invoice}/{action}", **more)

    def kept_card(self, *, resolution: str = "ok", **card: Any) -> str:
        """Have a guest pay and keep the card; return its token."""
        invoice = self.open(stores_card=True, shopper_reference=GUEST).gateway_reference
        self.pay(invoice, **card)
        (news,) = self.gateway.fetch(Reference(opening=invoice))
        assert news.card is not None
        assert news.card.token
        if resolution != "ok":
            self.sandbox.post(f"cardgate/tokens/{news.card.token}/resolution", resolution=resolution)
        return news.card.token

    def charge(self, token: str, money: Money = NINETY_EUROS, **more: Any) -> Outcome:
        fields = {"reference": new("tx"), "card_token": token, "requested_at": datetime.now(UTC), **more}
        return self.gateway.charge(charge_request(money, **fields))

    def fact(self, kind: OutcomeKind) -> Outcome:
        """Wait for verified news of a kind; all of it must be of one fact."""
        wait_until(lambda: [news for news in self.told() if news.kind is kind], what=str(kind))
        found = {news.event_key: news for news in self.told() if news.kind is kind}
        assert len(found) == 1
        return next(iter(found.values()))

    def money(self, reference: str | None) -> dict[str, int]:
        (row,) = [row for row in self.rows() if row["merchantReference"] == reference]
        return {name: value for name, value in row.items() if type(value) is int}


def new(prefix: str) -> str:
    return f"{prefix}-{uuid4().hex[:16]}"


@pytest.fixture
def processor(sandbox: Sandbox) -> Iterator[Processor]:
    found = Processor(slug="cardgate", gateway=cardgate_at(sandbox.url), sandbox=sandbox)

    with listening(found):
        sandbox.put(
            f"cardgate/accounts/{ACCOUNT}",
            api_key=API_KEY,
            private_key=PRIVATE_KEY,
            webhook_url=found.webhook_url,
            attempt_limit=5,
            duplicate_status=422,
            final_only=False,
        )
        yield found


@pytest.mark.parametrize("number", [PAYS, ASKS])
def test_a_guest_pays_and_three_ways_of_hearing_it_agree(processor: Processor, number: str) -> None:
    opened = processor.open(reference="op-story-1")
    before = processor.gateway.fetch(Reference(opening=opened.gateway_reference))
    processor.pay(opened.gateway_reference, number=number)

    callback = processor.fact(K.CAPTURED)
    request = complete_request(
        opening_reference=opened.gateway_reference, reference="op-story-1", requested_at=datetime.now(UTC)
    )
    (poll,) = processor.gateway.complete(request)
    (found,) = processor.gateway.fetch(Reference(ours="op-story-1"))

    assert before == ()
    assert opened.client["action"].startswith(processor.sandbox.url)
    assert poll.event_key == callback.event_key == found.event_key == f"{opened.gateway_reference}:processed"
    assert poll.money == callback.money == found.money == Money(9000, "EUR")
    assert poll.reference == callback.reference == found.reference
    assert callback.card == Card(brand="mastercard", last4="0000", bin=number[:6], expiry_month=12, expiry_year=2032)
    assert processor.money("op-story-1") == {
        "authorized": 9000, "captured": 9000, "refunded": 0, "cancelled": 0, "charged_back": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("resolution", "code"),
    [
        ("declined", ErrorCode.TRANSACTION_DECLINED),
        ("card_expired", ErrorCode.INVALID_CARD_EXPIRY),
        ("insufficient_funds", ErrorCode.CREDIT_LIMIT_EXCEEDED),
        ("invalid_cvv", ErrorCode.INVALID_CARD_NUMBER),
        ("provider_error", ErrorCode.PROCESSOR_UNAVAILABLE),
        ("general_fatal_error", ErrorCode.UNDEFINED_CARD_ERROR),
    ],
)
def test_the_last_refusal_ends_an_invoice(processor: Processor, resolution: str, code: ErrorCode) -> None:
    processor.sandbox.put(f"cardgate/accounts/{ACCOUNT}", attempt_limit=1)
    expiry = next((date for date, name in RESOLUTIONS.items() if name == resolution), "1199")
    invoice = processor.open().gateway_reference
    processor.pay(invoice, number=FAILS, expiryMonth=expiry[:2], expiryYear=expiry[2:])

    refused = processor.fact(K.DECLINED)

    assert refused.reference.gateway == invoice
    assert refused.decline is not None
    assert (refused.decline.code, refused.decline.raw_code) == (code, resolution)


def test_a_refused_card_and_then_another_on_the_same_page(processor: Processor) -> None:
    invoice = processor.open().gateway_reference
    assert processor.pay(invoice, number=FAILS)["status"] == "process_error"
    (undecided,) = processor.gateway.fetch(Reference(opening=invoice))
    processor.pay(invoice)

    assert (undecided.kind, undecided.reference.gateway) == (K.PENDING, None)
    assert processor.fact(K.CAPTURED).reference.gateway == invoice
    assert [news for news in processor.told() if news.kind is K.DECLINED] == []


@pytest.mark.parametrize(("decision", "kind"), [("approve", K.CAPTURED), ("refuse", K.DECLINED)])
def test_what_stays_pending_is_decided_later(processor: Processor, decision: str, kind: OutcomeKind) -> None:
    processor.sandbox.put(f"cardgate/accounts/{ACCOUNT}", attempt_limit=1)
    invoice = processor.open().gateway_reference
    processor.pay(invoice, expiryMonth="07", expiryYear="77")
    pending = processor.fact(K.PENDING)
    processor.act(invoice, decision)

    assert pending.reference.opening == invoice
    assert processor.fact(kind).reference.gateway == invoice


@pytest.mark.parametrize("ending", ["expire", "terminate"])
def test_an_invoice_nobody_pays_is_over(processor: Processor, ending: str) -> None:
    invoice = processor.open().gateway_reference
    processor.act(invoice, ending)

    assert processor.fact(K.EXPIRED).reference == Reference(
        ours=processor.fact(K.EXPIRED).reference.ours, opening=invoice
    )
    assert [news.kind for news in processor.gateway.fetch(Reference(opening=invoice))] == [K.EXPIRED]


def test_an_invoice_expires_by_itself(processor: Processor) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1.5)
    invoice = processor.open(expires_at=soon).gateway_reference

    def told() -> list[OutcomeKind]:
        return [news.kind for news in processor.gateway.fetch(Reference(opening=invoice))]

    assert told() == []
    wait_until(lambda: told() == [K.EXPIRED], what="expiry")
    with pytest.raises(httpx.HTTPStatusError):
        processor.pay(invoice)


def test_a_payment_is_refunded_in_parts_and_each_way_of_hearing_agrees(processor: Processor) -> None:
    invoice = processor.paid(reference="op-story-2")
    first, second = new("tx"), new("tx")
    answers = [
        processor.gateway.refund(refund_request(Money(1550, "EUR"), payment_reference=invoice, reference=first)),
        processor.gateway.refund(refund_request(Money(7450, "EUR"), payment_reference=invoice, reference=second)),
    ]
    processor.sandbox.post("webhooks/flush")

    callbacks = {news.event_key: news for news in processor.told() if news.kind is K.REFUNDED}
    _, *polled = processor.gateway.fetch(Reference(payment=invoice))
    assert [answer.kind for answer in answers] == [K.REFUNDED, K.REFUNDED]
    assert [answer.event_key for answer in answers] == [news.event_key for news in polled] == list(callbacks)
    assert [answer.money for answer in answers] == [news.money for news in polled] == [
        Money(1550, "EUR"), Money(7450, "EUR"),
    ]  # fmt: skip
    assert [answer.reference for answer in answers] == [news.reference for news in polled]
    assert processor.money("op-story-2")["refunded"] == 9000
    with pytest.raises(Rejected, match="larger"):
        processor.gateway.refund(refund_request(Money(1, "EUR"), payment_reference=invoice, reference=new("tx")))


@pytest.mark.parametrize(("action", "kind"), [("settle_refund", K.REFUNDED), ("fail_refund", K.REFUND_FAILED)])
def test_a_refund_may_take_its_time(processor: Processor, action: str, kind: OutcomeKind) -> None:
    invoice = processor.paid(holder="refund pending")
    request = refund_request(NINETY_EUROS, payment_reference=invoice, reference=new("tx"))
    asked = processor.gateway.refund(request)
    again = processor.gateway.refund(request)
    processor.act(invoice, action)

    decided = processor.fact(kind)
    assert asked.kind is again.kind is K.PENDING
    assert decided.reference == asked.reference == again.reference
    assert processor.gateway.refund(request).kind is kind


def test_a_refund_may_fail(processor: Processor) -> None:
    invoice = processor.paid(holder="refund failed")
    failed = processor.gateway.refund(refund_request(payment_reference=invoice, reference=new("tx")))

    assert (failed.kind, failed.decline is not None) == (K.REFUND_FAILED, True)
    assert processor.fact(K.REFUND_FAILED).event_key == failed.event_key


def test_what_the_portal_refunds_and_banks_take_back_is_told(processor: Processor) -> None:
    invoice = processor.paid(reference="op-story-3")
    processor.act(invoice, "refund", amount=2500)
    processor.act(invoice, "chargeback", amount=4000)

    refund, dispute = processor.fact(K.REFUNDED), processor.fact(K.CHARGEBACK)
    assert (refund.money, refund.reference.ours, refund.reference.payment) == (Money(2500, "EUR"), None, invoice)
    assert (dispute.money, dispute.reference.payment) == (Money(4000, "EUR"), invoice)
    assert processor.money("op-story-3") == {
        "authorized": 9000, "captured": 9000, "refunded": 2500, "cancelled": 0, "charged_back": 4000,
    }  # fmt: skip


def test_a_kept_card_is_charged_for_its_guest_alone(processor: Processor) -> None:
    token = processor.kept_card()
    charged = processor.charge(token, Money(4321, "EUR"), reference="tx-story-4")
    stolen = processor.charge(token, shopper_reference="c-9999")
    processor.sandbox.post(f"cardgate/tokens/{token}/forget")
    gone = processor.charge(token)
    again = processor.charge(token, Money(4321, "EUR"), reference="tx-story-4")

    assert (charged.kind, charged.money) == (K.CAPTURED, Money(4321, "EUR"))
    assert charged.event_key == again.event_key
    assert processor.money("tx-story-4")["captured"] == 4321
    for refused in (stolen, gone):
        assert refused.kind is K.DECLINED
        assert refused.decline is not None
        assert (refused.decline.code, refused.decline.is_card_gone) == (ErrorCode.UNDEFINED_CARD_ERROR, True)
    assert processor.asked("sale") == 1


@pytest.mark.parametrize(
    ("resolution", "kind", "code"),
    [
        ("insufficient_funds", K.DECLINED, ErrorCode.CREDIT_LIMIT_EXCEEDED),
        ("card_is_stolen", K.DECLINED, ErrorCode.TRANSACTION_DECLINED),
        ("auth_3ds_required", K.ACTION_REQUIRED, None),
        ("pending", K.PENDING, None),
    ],
)
def test_a_kept_card_may_be_refused(
    processor: Processor, resolution: str, kind: OutcomeKind, code: ErrorCode | None
) -> None:
    token = processor.kept_card(resolution=resolution)

    outcome = processor.charge(token)

    assert outcome.kind is kind
    assert outcome.reference.gateway
    assert (outcome.decline.code if outcome.decline else None) is code


def test_a_kept_card_is_filled_in_on_the_page(processor: Processor) -> None:
    token = processor.kept_card()
    opened = processor.open(card_token=token, shopper_reference=GUEST, is_hosted=True)
    page = httpx.get(opened.redirect_url, trust_env=False)
    paid = httpx.post(opened.redirect_url, data={"cvc": "123"}, trust_env=False)

    assert "ending in <strong>0000</strong>" in page.text
    assert (paid.status_code, paid.headers["location"]) == (303, "https://shop.example.com/return")
    assert processor.gateway.fetch(Reference(opening=opened.gateway_reference))[0].kind is K.CAPTURED


def test_a_person_pays_on_the_page_with_3d_secure(processor: Processor) -> None:
    opened = processor.open(is_hosted=True, stores_card=True, shopper_reference=GUEST)
    form = {"number": ASKS, "expiry": "12/32", "cvc": "123", "holderName": "Ada Byron"}
    with httpx.Client(base_url=processor.sandbox.url, trust_env=False) as browser:
        page = browser.get(opened.redirect_url)
        impossible = browser.post(opened.redirect_url, data={**form, "number": "4302912837020001"})
        refused = browser.post(opened.redirect_url, data={**form, "number": FAILS, "expiry": "05/29"})
        shown = browser.get(refused.headers["location"])
        challenged = browser.post(opened.redirect_url, data=form)
        failed = browser.post(challenged.headers["location"], data={"password": "no"})
        second = browser.post(failed.headers["location"], data=form)
        question = browser.get(second.headers["location"])
        passed = browser.post(second.headers["location"], data={"password": "password"})
        after = browser.get(opened.redirect_url)

    assert "EUR 90.00" in page.text
    assert "kept for later payments" in page.text
    assert (impossible.status_code, "card number is invalid" in impossible.text) == (422, True)
    assert ("insufficient_funds" in shown.text, "4302" in shown.text.partition("<details>")[0]) == (True, False)
    assert "Card ending in 0000" in question.text
    assert passed.headers["location"] == "https://shop.example.com/return"
    assert "This payment is processed" in after.text
    (news,) = processor.gateway.fetch(Reference(opening=opened.gateway_reference))
    assert (news.kind, news.card is not None and news.card.token is not None) == (K.CAPTURED, True)


@pytest.mark.parametrize("money", [Money(1500, "JPY"), Money(12_345, "KWD"), Money(7, "EUR")], ids=str)
def test_other_decimals_come_back_as_they_went(processor: Processor, money: Money) -> None:
    invoice = processor.paid(money)
    refund = processor.gateway.refund(refund_request(money, payment_reference=invoice, reference=new("tx")))

    assert processor.fact(K.CAPTURED).money == refund.money == money


def test_a_part_that_was_paid_is_told_as_a_part(processor: Processor) -> None:
    invoice = processor.paid(holder="paid in part")

    news = processor.fact(K.CAPTURED)
    assert (news.money, news.event_key) == (Money(4500, "EUR"), f"{invoice}:partially_processed")


@pytest.mark.parametrize("fault", ["hang", "unavailable", "garbage", "answer_lost"])
@pytest.mark.parametrize("operation", ["invoices", "refund"])
def test_every_fault_leaves_the_outcome_unknown_and_the_same_call_again_settles_it(
    processor: Processor, operation: str, fault: str
) -> None:
    reference = new("op")
    invoice = processor.paid() if operation == "refund" else ""

    def call() -> Any:
        if operation == "refund":
            return processor.gateway.refund(refund_request(payment_reference=invoice, reference=reference)).reference
        return processor.open(reference=reference).gateway_reference

    processor.fails(operation, fault, seconds=0.2)
    with pytest.raises(AnswerLost):
        call()

    assert call() == call()
    if operation == "refund":
        assert [news.money for news in processor.gateway.fetch(Reference(payment=invoice))[1:]] == [Money(3000, "EUR")]
    else:
        assert len(processor.sandbox.get("cardgate/invoices", reference=reference)["invoices"]) == 1


@pytest.mark.parametrize(
    ("operation", "fault", "error"),
    [
        ("invoices", "hang", AnswerLost),
        ("invoices", "answer_lost", AnswerLost),
        ("invoices", "in_progress", Busy),
        ("sale", "hang", AnswerLost),
        ("sale", "error", AnswerLost),
        ("sale", "garbage", AnswerLost),
        ("sale", "reset", AnswerLost),
        ("sale", "in_progress", Busy),
    ],
)
def test_a_charge_is_made_once_whichever_of_its_calls_is_lost(
    processor: Processor, operation: str, fault: str, error: type[Exception]
) -> None:
    token, reference = processor.kept_card(), new("tx")
    processor.fails(operation, fault, seconds=0.2)

    with pytest.raises(error):
        processor.charge(token, reference=reference)
    outcome = processor.charge(token, reference=reference)

    assert (outcome.kind, outcome.money) == (K.CAPTURED, Money(9000, "EUR"))
    assert processor.money(reference)["captured"] == 9000
    assert processor.charge(token, reference=reference).event_key == outcome.event_key
    (found,) = processor.gateway.fetch(Reference(ours=reference))
    assert found.event_key == outcome.event_key


def test_a_lost_sale_is_known_at_once_where_the_invoice_shows_it(processor: Processor) -> None:
    token = processor.kept_card()
    processor.fails("sale", "answer_lost")

    assert processor.charge(token).kind is K.CAPTURED
    assert processor.asked("sale") == 1


def test_a_duplicate_may_be_refused_as_too_many(processor: Processor) -> None:
    processor.sandbox.put(f"cardgate/accounts/{ACCOUNT}", duplicate_status=429)
    reference = new("op")

    first, second = processor.open(reference=reference), processor.open(reference=reference)

    assert first.gateway_reference == second.gateway_reference


def test_an_invoice_is_found_behind_newer_ones(processor: Processor) -> None:
    reference = new("op")
    first = processor.open(reference=reference)
    for _ in range(21):
        processor.open()

    assert processor.open(reference=reference).gateway_reference == first.gateway_reference


def test_a_key_that_is_wrong_opens_nothing(processor: Processor) -> None:
    other = cardgate_at(processor.sandbox.url, api_key="another")

    with pytest.raises(Rejected):
        other.open(open_request(expires_at=datetime.now(UTC) + timedelta(minutes=5)))
    live = cardgate_at(processor.sandbox.url, environment="live", private_keys="sk_live_1")
    with pytest.raises(Rejected, match="mode"):
        live.open(open_request(expires_at=datetime.now(UTC) + timedelta(minutes=5)))


@pytest.mark.parametrize(
    ("fault", "money"), [("wrong_amount", Money(9100, "EUR")), ("wrong_currency", Money(9000, "USD"))]
)
def test_a_wrong_figure_is_told_as_it_was_said(processor: Processor, fault: str, money: Money) -> None:
    processor.fails("webhook", fault, match={"status": "processed"})
    processor.paid()

    assert processor.fact(K.CAPTURED).money == money


def test_a_wrongly_signed_callback_is_refused(processor: Processor) -> None:
    processor.fails("webhook", "wrongly_signed")
    processor.open()
    wait_until(lambda: processor.deliveries, what="a delivery")

    with pytest.raises(InvalidSignature):
        processor.gateway.verify_webhook(processor.deliveries[0])


def test_a_doubled_callback_has_one_key(processor: Processor) -> None:
    processor.fails("webhook", "doubled")
    processor.open()
    wait_until(lambda: len(processor.deliveries) == 2, what="both deliveries")

    assert len({processor.gateway.verify_webhook(delivery).delivery_key for delivery in processor.deliveries}) == 1
    assert {news.kind for news in processor.told()} == {K.NOTE}


def test_callbacks_that_overtake_each_other_leave_nothing_out(processor: Processor) -> None:
    processor.fails("webhook", "dropped", match={"status": "processed"})
    invoice = processor.paid()
    processor.act(invoice, "refund", amount=2500)

    assert processor.fact(K.REFUNDED).money == Money(2500, "EUR")
    assert processor.fact(K.CAPTURED).money == Money(9000, "EUR")
    processor.sandbox.post("webhooks/flush", lost=True)
    assert processor.fact(K.CAPTURED).event_key == f"{invoice}:processed"


def test_no_card_number_rests_in_the_sandbox(processor: Processor) -> None:
    invoice = processor.open().gateway_reference
    processor.pay(invoice, holderName=f"card {PAYS}")

    shown = [
        processor.sandbox.get(path)
        for path in ("cardgate/invoices", "cardgate/tokens", "webhooks", "requests", "money")
    ]

    assert PAYS not in str(shown)
    assert "551928******0000" in str(shown)
