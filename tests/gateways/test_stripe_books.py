"""What Stripe's words become in our books, in whatever order they come in."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from gateways.models import GatewayAccount
from gateways.protocol import Outcome, OutcomeKind
from payments.models import Case, Dispute, EventSource, Opening, Payment, ReusableCard, Transaction
from payments.services.cards import take_card_news
from payments.services.transitions import apply_outcome
from tests.gateways.stripe_world import CARD, CHARGE, CUSTOMER, credentials, event, sample, signed, stripe_at
from tests.payments.conftest import house
from tests.payments.house import House, books, operations

__all__ = ["house"]
pytestmark = pytest.mark.django_db
STRIPE = stripe_at("http://127.0.0.1:9")
# Of each two events, every one comes first in one of them; that no order matters is proved of the fold itself.
ORDERS = [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)]


class Story:
    """Be one payment at Stripe and the events that are told of it."""

    def __init__(self, house: House, *, captures_at_once: bool) -> None:
        self.house = house
        self.payment = house.payment()
        self.payment.account = GatewayAccount.objects.get(slug="stripe-eu")
        self.payment.captures_at_once = captures_at_once
        self.payment.save()
        self.intent = f"pi_{self.payment.number}"
        self.opening = house.opening(self.payment, reference="pi_")
        Opening.objects.filter(pk=self.opening.pk).update(gateway_reference=self.intent, shopper_reference="c-1204")
        self.metadata = {"reference": self.opening.reference, "purpose": "opening", "shopper": "c-1204"}

    def intent_object(self, status: str, **more: Any) -> dict[str, Any]:
        found = {**sample("intent_created"), "id": self.intent, "metadata": self.metadata, "status": status, **more}
        found["capture_method"] = "automatic" if self.payment.captures_at_once else "manual"
        return found

    def charge_object(self, name: str = CHARGE, **more: Any) -> dict[str, Any]:
        found = {**sample("intent_succeeded")["latest_charge"], "metadata": self.metadata, **more}
        kept = {"customer": CUSTOMER, "payment_method": f"{CARD}{self.payment.number}"}
        return {**found, **kept, "id": self.name(name), "payment_intent": self.intent}

    def refund_object(self, **more: Any) -> dict[str, Any]:
        return {
            **sample("refund_succeeded"),
            "id": self.name("re"),
            "payment_intent": self.intent,
            "metadata": {},
            **more,
        }

    def dispute_object(self, **more: Any) -> dict[str, Any]:
        found = sample("event_dispute_created")["data"]["object"]
        return {**found, "id": self.name("du"), "payment_intent": self.intent, **more}

    def name(self, prefix: str) -> str:
        return f"{prefix}_{self.payment.number}"

    def tell(self, kind: str, thing: dict[str, Any], *, minutes: int = 0) -> Outcome:
        """Take in one event, dated some minutes after the payment was made."""
        began = int(self.house.clock().timestamp()) - 3600
        delivery = signed(event(kind, thing, at=began + 60 * minutes))
        (outcome,) = STRIPE.read_webhook(delivery)
        apply_outcome(account=self.payment.account, outcome=outcome, source=EventSource.WEBHOOK, now=self.house.clock())
        return outcome

    def standing(self) -> tuple[Any, ...]:
        payment = Payment.objects.get(pk=self.payment.pk)
        rows = sorted((row[0], row[2], row[3]) for row in operations(payment.order))
        moved = books(payment.order)
        net = {
            account: moved.get(f"{account}>CLEARING", 0) - moved.get(f"CLEARING>{account}", 0)
            for account in ("RECEIVABLE", "DISPUTED")
        }
        sums = (payment.authorized_minor, payment.captured_minor, payment.refunded_minor, payment.charged_back_minor)
        return payment.state, sums, tuple(rows), tuple(sorted(net.items()))


@pytest.fixture(autouse=True)
def account(house: House) -> Iterator[None]:
    GatewayAccount.objects.create(
        slug="stripe-eu", name="Stripe", gateway="stripe", environment="TEST", currencies=["EUR"], sources=["ECOM"]
    )
    with override_settings(
        GATEWAY_CREDENTIALS={**settings.GATEWAY_CREDENTIALS, "stripe-eu": credentials("http://127.0.0.1:9")}
    ):
        yield


def refused(story: Story) -> tuple[str, dict[str, Any]]:
    outcome = {"type": "issuer_declined", "reason": "insufficient_funds"}
    return "charge.failed", story.charge_object("ch_no", status="failed", failure_code="card_declined", outcome=outcome)


def test_every_order_of_a_sales_events_ends_in_the_same_books(house: House) -> None:
    standings = set()
    for order in ORDERS:
        story = Story(house, captures_at_once=True)
        events = [
            refused(story),
            ("charge.succeeded", story.charge_object("ch_yes")),
            ("payment_intent.succeeded", story.intent_object("succeeded", amount_received=9000, latest_charge="ch")),
            ("refund.created", story.refund_object()),
        ]
        for index in order:
            story.tell(*events[index], minutes=index)
        standings.add(story.standing())

    assert standings == {
        (
            "CAPTURED",
            (0, 9000, 3000, 0),
            (("REFUND", "PROCESSED", 3000), ("SALE", "FAILED", 9000), ("SALE", "PROCESSED", 9000)),
            (("DISPUTED", 0), ("RECEIVABLE", 6000)),
        )
    }


def test_every_order_of_a_held_payments_events_ends_in_the_same_books(house: House) -> None:
    standings = set()
    for order in ORDERS:
        story = Story(house, captures_at_once=False)
        taken = {"id": story.name("txn"), "amount": -6000, "created": 1795338001}
        events = [
            ("charge.succeeded", story.charge_object("ch", captured=False)),
            (
                "payment_intent.succeeded",
                story.intent_object("succeeded", amount_received=6000, latest_charge=story.name("ch")),
            ),
            ("charge.dispute.created", story.dispute_object(amount=6000)),
            (
                "charge.dispute.funds_withdrawn",
                story.dispute_object(amount=6000, balance_transactions=[taken]),
            ),
        ]
        for index in order:
            story.tell(*events[index], minutes=index)
        standings.add(story.standing())

    assert standings == {
        (
            "CAPTURED",
            (0, 6000, 0, 6000),
            (
                ("AUTHORIZATION", "PROCESSED", 9000),
                ("CAPTURE", "PROCESSED", 6000),
                ("CHARGEBACK", "PROCESSED", 6000),
            ),
            (("DISPUTED", -6000), ("RECEIVABLE", 6000)),
        )
    }
    assert set(Dispute.objects.values_list("stage", flat=True)) == {"needs_response"}


def test_an_inquiry_that_ends_leaves_nothing_undecided_whatever_comes_first(house: House) -> None:
    standings = set()
    for order in permutations(range(3)):
        story = Story(house, captures_at_once=True)
        asked = story.dispute_object(status="warning_needs_response", balance_transactions=[])
        events = [
            ("payment_intent.succeeded", story.intent_object("succeeded", amount_received=9000, latest_charge="ch")),
            ("charge.dispute.created", asked),
            ("charge.dispute.closed", {**asked, "status": "warning_closed"}),
        ]
        for index in order:
            story.tell(*events[index], minutes=index)
        standings.add(story.standing())

    (standing,) = standings
    assert standing[:2] == ("CAPTURED", (0, 9000, 0, 0))
    assert [row[:2] for row in standing[2]] == [("CHARGEBACK", "FAILED"), ("SALE", "PROCESSED")]
    assert standing[3] == (("DISPUTED", 0), ("RECEIVABLE", 9000))


def test_a_hold_that_runs_out_is_released_whatever_comes_first(house: House) -> None:
    standings = set()
    for order in permutations(range(2)):
        story = Story(house, captures_at_once=False)
        events = [
            ("charge.succeeded", story.charge_object("ch", captured=False)),
            (
                "payment_intent.canceled",
                story.intent_object("canceled", latest_charge=story.name("ch"), cancellation_reason="automatic"),
            ),
        ]
        for index in order:
            story.tell(*events[index], minutes=index)
        standings.add(story.standing()[:2])

    assert standings == {("VOIDED", (0, 0, 0, 0))}


def test_a_refused_attempt_leaves_the_opening_and_an_intent_that_ends_closes_the_hope(house: House) -> None:
    story = Story(house, captures_at_once=True)
    story.tell(*refused(story), minutes=1)
    assert story.standing()[0] == "FAILED"
    assert Opening.objects.get(pk=story.opening.pk).status == "OPEN"

    error = {"code": "card_declined", "charge": story.name("ch_no")}
    over = story.intent_object("canceled", last_payment_error=error, canceled_at=int(house.clock().timestamp()))
    story.tell("payment_intent.canceled", over, minutes=2)

    assert story.standing()[0] == "EXPIRED"
    assert operations(story.payment.order) == [("SALE", "GATEWAY", "FAILED", 9000)]


def test_notes_and_refunds_that_moved_nothing_leave_no_operation(house: House) -> None:
    story = Story(house, captures_at_once=False)
    story.tell("charge.succeeded", story.charge_object("ch", captured=False), minutes=1)
    before = story.standing()

    for kind, thing in (
        ("payment_intent.amount_capturable_updated", story.intent_object("requires_capture")),
        ("charge.refunded", story.charge_object("ch", captured=False, amount_refunded=9000)),
        ("refund.created", story.refund_object(balance_transaction=None)),
        ("refund.created", story.refund_object(id=story.name("re_waits"), status="pending")),
    ):
        assert story.tell(kind, thing, minutes=2).kind is OutcomeKind.NOTE

    assert story.standing() == before


def test_a_kept_card_is_kept_and_goes_when_stripe_says_so(house: House) -> None:
    story = Story(house, captures_at_once=True)
    story.tell("charge.succeeded", story.charge_object("ch"), minutes=1)
    card = ReusableCard.objects.get(account__slug="stripe-eu")
    sale = Transaction.objects.get(payment=story.payment)

    assert (card.brand, card.last4, card.shopper_reference) == ("visa", "4242", "c-1204")
    assert (sale.card_brand, sale.card_last4, sale.card_expiry) == ("visa", "4242", "2030-03")
    method = {**sample("payment_method_detached"), "id": f"{CARD}{story.payment.number}"}
    (gone,) = STRIPE.read_webhook(signed(event("payment_method.detached", method, before={"customer": CUSTOMER})))
    assert gone.card is not None
    take_card_news(
        account=story.payment.account,
        kind_is_deletion=gone.kind is OutcomeKind.CARD_REVOKED,
        card=gone.card,
        is_waiting_over=True,
        now=house.clock(),
    )
    card.refresh_from_db()

    assert card.revoked_at is not None
    assert not Case.objects.filter(kind="AMOUNT_DIFFERS").exists()
