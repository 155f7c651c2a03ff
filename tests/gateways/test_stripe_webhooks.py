"""What Stripe tells: which deliveries are believed, what every event means, and that three ways of hearing agree."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateways.adapters.stripe.webhooks import READERS
from gateways.errors import ErrorCode, InvalidSignature
from gateways.protocol import DisputeNews, Outcome, OutcomeKind, Reference
from money import Money
from tests.gateways.examples import NOW
from tests.gateways.scripted_server import ScriptedServer
from tests.gateways.stripe_world import (
    CARD,
    CHARGE,
    CUSTOMER,
    INTENT,
    OLDER_WEBHOOK_SECRET,
    TOKEN,
    WEBHOOK_SECRET,
    capture_request,
    complete_request,
    delivery,
    event,
    sample,
    signature,
    signed,
    stripe_at,
    void_request,
)

K = OutcomeKind
STRIPE = stripe_at("http://127.0.0.1:9")
REFUND = "re_3SXkQ2C8dFh1Ju0p0tLw8QpN"
DISPUTE = "du_1SYb0KC8dFh1Ju0pTc4MhWr8"


def read(kind: str, thing: Any, **more: Any) -> Outcome:
    (outcome,) = STRIPE.read_webhook(signed(event(kind, thing, **more)))
    return outcome


def intent(name: str = "intent_succeeded", **more: Any) -> dict[str, Any]:
    """Return an intent as events have it: with the name of its charge, never the charge."""
    found = sample(name)
    if isinstance(found["latest_charge"], dict):
        found["latest_charge"] = found["latest_charge"]["id"]
    return {**found, **more}


def charge(**more: Any) -> dict[str, Any]:
    return {**sample("intent_succeeded")["latest_charge"], **more}


def dispute(**more: Any) -> dict[str, Any]:
    return {**sample("event_dispute_created")["data"]["object"], **more}


def test_a_published_vector_is_accepted_however_it_is_wrapped() -> None:
    body = b'{"id": "evt_test", "object": "event", "livemode": false}'
    good = signature(body)
    headers = [
        good,
        f"{good},v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39",
        f"{signature(body, secret='whsec_rolled_out')},{good.partition(',')[2]}",
        signature(body, secret=OLDER_WEBHOOK_SECRET),
    ]

    verified = [STRIPE.verify_webhook(delivery(body, header)) for header in headers]

    assert {each.delivery_key for each in verified} == {"evt_test"}
    assert {each.status for each in verified} == {200}


def test_our_signature_is_the_librarys_own() -> None:
    import stripe

    body, moment = '{"id": "evt_test"}', 1795251600
    theirs = stripe.WebhookSignature.generate_signature_header(body, WEBHOOK_SECRET, moment)

    assert signature(body.encode(), at=moment) == theirs


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_signature_may_be_five_minutes_off_and_no_more(seconds: int) -> None:
    body = sample("event_charge_succeeded")

    STRIPE.verify_webhook(signed(body, at=NOW.timestamp() + seconds))

    beyond = seconds + (1 if seconds > 0 else -1)
    if seconds:
        with pytest.raises(InvalidSignature, match="old"):
            STRIPE.verify_webhook(signed(body, at=NOW.timestamp() + beyond))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=,v1=",
        "v1=abc",
        "t=1795251600",
        "t=1795251600,v1=",
        "t=١٧٩٥٢٥١٦٠٠,v1=é",
        "t=" + "9" * 5000,
        "t=1,t=2,v1=x",
    ],
)
def test_no_header_is_too_strange_to_be_refused(header: str) -> None:
    with pytest.raises(InvalidSignature):
        STRIPE.verify_webhook(delivery(b"{}", header))


def test_a_signature_proves_only_the_bytes_that_were_signed() -> None:
    good = signed(sample("event_charge_succeeded"))

    with pytest.raises(InvalidSignature):
        STRIPE.verify_webhook(dataclasses.replace(good, body=good.body + b" "))
    for body in (b"\xff\xfe{}", b"[]", b"null", b'{"object": "event"}', b"[" * 100_000):
        with pytest.raises(InvalidSignature):
            STRIPE.verify_webhook(signed(body))


def test_a_bank_that_said_yes_is_told_by_the_charge_which_has_the_card() -> None:
    outcome = read("charge.succeeded", charge())

    assert (outcome.kind, outcome.money) == (K.AUTHORIZED, Money(9000, "EUR"))
    assert outcome.reference == Reference(ours="op-7Q2KMX4H", gateway=INTENT, payment=INTENT, opening=INTENT)
    assert outcome.card is not None
    assert (outcome.card.brand, outcome.card.last4, outcome.card.token) == ("visa", "4242", None)


def test_a_card_that_was_kept_is_told_with_its_token() -> None:
    metadata = {**charge()["metadata"], "shopper": "c-1204"}
    outcome = read("charge.succeeded", charge(customer=CUSTOMER, payment_method=CARD, metadata=metadata))

    assert outcome.card is not None
    assert (outcome.card.token, outcome.card.shopper_reference) == (TOKEN, "c-1204")


def test_a_sale_is_captured_by_its_intent() -> None:
    outcome = read("payment_intent.succeeded", intent())

    assert (outcome.kind, outcome.money) == (K.CAPTURED, Money(9000, "EUR"))
    assert outcome.reference == Reference(ours="op-7Q2KMX4H", gateway=INTENT, payment=INTENT, opening=INTENT)


def test_a_capture_of_ours_is_told_with_our_reference_and_one_of_the_dashboard_without() -> None:
    ours = read("payment_intent.succeeded", intent("intent_captured", amount_received=6000))
    without = intent("intent_captured", metadata=sample("intent_created")["metadata"])
    theirs = read("payment_intent.succeeded", without)

    assert ours.reference == Reference(ours="tx-5H3JAF8V", gateway=CHARGE, payment=INTENT, opening=INTENT)
    assert ours.money == Money(6000, "EUR")
    assert theirs.reference == Reference(ours="op-7Q2KMX4H", gateway=CHARGE, payment=INTENT, opening=INTENT)


def test_a_refused_attempt_is_one_fact_whoever_tells_it() -> None:
    error = {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds", "charge": CHARGE}
    by_intent = read(
        "payment_intent.payment_failed", intent("intent_created", last_payment_error=error, latest_charge=CHARGE)
    )
    outcome_of_charge = {"type": "issuer_declined", "reason": "insufficient_funds"}
    by_charge = read("charge.failed", charge(status="failed", failure_code="card_declined", outcome=outcome_of_charge))

    for outcome in (by_intent, by_charge):
        assert (outcome.kind, outcome.event_key) == (K.DECLINED, f"declined:{CHARGE}")
        assert outcome.reference == Reference(ours="op-7Q2KMX4H", gateway=CHARGE, payment=INTENT, opening=INTENT)
        assert outcome.decline is not None
        assert (outcome.decline.code, outcome.decline.raw_code) == (
            ErrorCode.CREDIT_LIMIT_EXCEEDED,
            "insufficient_funds",
        )


def test_a_charge_that_stripes_own_rules_stopped_is_declined() -> None:
    blocked = {"type": "blocked", "reason": "highest_risk_level"}
    outcome = read("charge.failed", charge(status="failed", failure_code="card_declined", outcome=blocked))

    assert outcome.decline is not None
    assert (outcome.decline.code, outcome.decline.raw_code) == (
        ErrorCode.TRANSACTION_DECLINED,
        "highest_risk_level",
    )


def test_a_refused_charge_of_ours_is_the_charge_itself() -> None:
    metadata = {"reference": "tx-2M9DKR7C", "purpose": "charge"}
    error = {"code": "card_declined", "charge": CHARGE}
    outcome = read(
        "payment_intent.payment_failed", intent("intent_created", metadata=metadata, last_payment_error=error)
    )

    assert outcome.reference == Reference(ours="tx-2M9DKR7C", gateway=INTENT, payment=INTENT)
    assert outcome.event_key == f"declined:{CHARGE}"


def test_an_intent_in_work_names_no_attempt_of_a_guest() -> None:
    guest = read("payment_intent.processing", intent("intent_created", status="processing"))
    metadata = {"reference": "tx-2M9DKR7C", "purpose": "charge"}
    ours = read("payment_intent.processing", intent("intent_created", status="processing", metadata=metadata))

    assert guest.kind is ours.kind is K.PENDING
    assert guest.reference == Reference(ours="op-7Q2KMX4H", opening=INTENT)
    assert ours.reference == Reference(ours="tx-2M9DKR7C", gateway=INTENT, payment=INTENT)


@pytest.mark.parametrize(
    ("change", "kind", "reference"),
    [
        ({"cancellation_reason": "automatic"}, K.VOIDED, Reference(gateway=CHARGE, payment=INTENT, opening=INTENT)),
        ({"latest_charge": None}, K.EXPIRED, Reference(ours="op-7Q2KMX4H", opening=INTENT)),
        (
            {"last_payment_error": {"code": "card_declined", "charge": CHARGE}},
            K.EXPIRED,
            Reference(ours="op-7Q2KMX4H", opening=INTENT),
        ),
        ({"capture_method": "automatic"}, K.EXPIRED, Reference(ours="op-7Q2KMX4H", opening=INTENT)),
    ],
    ids=["hold over", "never tried", "refused", "sale"],
)
def test_a_canceled_intent_releases_a_hold_or_ends_an_opening(
    change: dict[str, Any], kind: OutcomeKind, reference: Reference
) -> None:
    outcome = read("payment_intent.canceled", intent("intent_canceled", **change))

    assert (outcome.kind, outcome.reference) == (kind, reference)
    assert outcome.occurred_at == datetime(2026, 11, 21, 9, 6, 40, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["refund.created", "refund.updated", "charge.refund.updated"])
def test_a_refund_is_one_fact_whichever_event_tells_it(kind: str) -> None:
    outcome = read(kind, sample("refund_succeeded"))

    assert (outcome.kind, outcome.event_key) == (K.REFUNDED, f"refunded:{REFUND}")
    assert outcome.reference == Reference(ours="tx-9W4TB6NE", gateway=REFUND, payment=INTENT, opening=INTENT)
    assert outcome.money == Money(3000, "EUR")


def test_a_refund_that_fails_after_it_was_done_is_the_later_word() -> None:
    done = read("refund.created", sample("refund_succeeded"))
    failed = {**sample("refund_succeeded"), "status": "failed", "failure_reason": "lost_or_stolen_card"}
    undone = read("refund.failed", failed, at=1795251700 + 60)

    assert (undone.kind, undone.reference.gateway) == (K.REFUND_FAILED, REFUND)
    assert undone.decline is not None
    assert undone.decline.raw_code == "lost_or_stolen_card"
    assert undone.occurred_at >= done.occurred_at


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        # Made in the dashboard: it moved money.
        ({"metadata": {}}, K.REFUNDED),
        # What Stripe writes down when a hold ends.
        ({"metadata": {}, "balance_transaction": None}, K.NOTE),
        ({"metadata": {}, "reason": "expired_uncaptured_charge"}, K.NOTE),
        # Nobody's yet: a word about it would make an attempt of it.
        ({"status": "pending"}, K.NOTE),
    ],
    ids=str,
)
def test_only_what_moved_money_is_a_refund(change: dict[str, Any], kind: OutcomeKind) -> None:
    assert read("refund.created", {**sample("refund_succeeded"), **change}).kind is kind


def test_a_dispute_goes_through_its_stages_and_money_moves_only_with_the_funds() -> None:
    taken = {"id": "txn_taken", "amount": -9000, "created": 1795338001}
    given = {"id": "txn_given", "amount": 9000, "created": 1796000000}
    lost, won = dispute(balance_transactions=[taken]), dispute(balance_transactions=[taken, given], status="won")

    stages = [
        read("charge.dispute.created", dispute()),
        read("charge.dispute.updated", dispute(status="under_review")),
        read("charge.dispute.funds_withdrawn", lost),
        read("charge.dispute.closed", {**lost, "status": "lost"}),
        read("charge.dispute.funds_reinstated", won),
    ]

    assert [stage.kind for stage in stages] == [K.DISPUTE_OPENED, K.NOTE, K.CHARGEBACK, K.NOTE, K.CHARGEBACK_REVERSED]
    assert [stage.dispute.stage if stage.dispute else "" for stage in stages] == [
        "needs_response",
        "under_review",
        "needs_response",
        "lost",
        "won",
    ]
    assert stages[0].dispute == DisputeNews(
        stage="needs_response",
        reason="10.4 fraudulent",
        evidence_due_at=datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC),
    )
    assert {stage.reference for stage in stages} == {Reference(gateway=DISPUTE, payment=INTENT, opening=INTENT)}
    assert stages[2].event_key == f"chargeback:{DISPUTE}:txn_taken"
    assert stages[4].event_key == f"chargeback_reversed:{DISPUTE}:txn_given"
    assert {stages[2].money, stages[4].money} == {Money(9000, "EUR")}


@pytest.mark.parametrize(
    "status", ["warning_needs_response", "warning_under_review", "warning_closed", "prevented", "appeal_needs_response"]
)
def test_every_stage_of_a_dispute_is_shown_to_staff(status: str) -> None:
    outcome = read("charge.dispute.updated", dispute(status=status))

    assert outcome.dispute is not None
    assert (outcome.kind, outcome.dispute.stage) == (K.NOTE, status)


def test_the_life_of_a_kept_card_is_told_by_its_token() -> None:
    method = sample("payment_method_detached")
    gone = read("payment_method.detached", method, before={"customer": CUSTOMER})
    renewed = read("payment_method.automatically_updated", {**method, "customer": CUSTOMER})
    nobodys = read("payment_method.detached", method)

    assert (gone.kind, renewed.kind, nobodys.kind) == (K.CARD_REVOKED, K.CARD_STORED, K.NOTE)
    assert gone.card is not None
    assert renewed.card is not None
    assert gone.card.token == renewed.card.token == TOKEN
    assert (renewed.card.last4, renewed.card.expiry_year) == ("4242", 2030)
    assert CARD not in f"{gone.raw}{renewed.raw}{nobodys.raw}{nobodys.reference}"


def test_a_payout_whose_report_can_be_asked_for_is_told_and_a_run_of_our_own_is_not() -> None:
    payout = read("payout.reconciliation_completed", {"id": "po_1SXk", "object": "payout"})
    run = read("reporting.report_run.succeeded", {"id": "frr_1SXk", "object": "reporting.report_run"})

    assert (payout.kind, payout.reference.gateway) == (K.REPORT_AVAILABLE, "po_1SXk")
    assert run.kind == K.NOTE


@pytest.mark.parametrize(
    "kind",
    [
        "charge.captured",
        "charge.expired",
        "charge.refunded",
        "charge.pending",
        "payment_intent.created",
        "payment_intent.amount_capturable_updated",
        "payment_intent.requires_action",
        "payment_method.attached",
        "setup_intent.succeeded",
        "radar.early_fraud_warning.created",
        "review.opened",
        "payout.paid",
        "something.new",
    ],
)
def test_everything_else_is_noted_and_never_a_word_about_money(kind: str) -> None:
    thing = charge() if kind.startswith("charge.") else {"id": "x_1", "object": "thing", "payment_intent": INTENT}
    outcome = read(kind, thing)

    assert kind not in READERS
    assert (outcome.kind, outcome.money) == (K.NOTE, None)
    assert outcome.reference == Reference(payment=INTENT, opening=INTENT)
    assert not outcome.is_about_money


@pytest.mark.parametrize("kind", sorted(READERS))
@pytest.mark.parametrize(
    "thing", [None, {}, [], {"id": 7}, {"id": "pi_1", "status": 3}, {"payment_intent": {}}], ids=str
)
def test_what_cannot_be_read_is_a_note_and_no_error(kind: str, thing: Any) -> None:
    outcome = read(kind, thing)

    assert outcome.kind in (K.NOTE, K.REPORT_AVAILABLE, K.DECLINED, K.EXPIRED, K.PENDING, K.DISPUTE_OPENED)
    assert outcome.money is None
    assert "None" not in outcome.event_key


@pytest.mark.parametrize(
    "change", [{"amount": "9000"}, {"currency": "xyz"}, {"currency": "isk", "amount": 550}], ids=str
)
def test_an_amount_that_cannot_be_held_books_nothing_and_is_shown(change: dict[str, Any]) -> None:
    outcome = read("charge.succeeded", charge(**change))

    assert outcome.kind is K.NOTE
    assert outcome.problem == "the amount cannot be read"


def test_a_clock_that_runs_ahead_does_not_have_the_last_word() -> None:
    ahead = int((NOW + timedelta(days=365)).timestamp())

    assert read("payment_intent.succeeded", intent(), at=ahead).occurred_at == NOW


def test_the_answer_the_webhook_and_the_look_share_their_keys(server: ScriptedServer) -> None:
    stripe = stripe_at(server.url)
    server.answers(sample("intent_succeeded"))
    polled = {outcome.kind: outcome for outcome in stripe.complete(complete_request())}
    server.answers(sample("intent_captured"))
    captured = stripe.capture(capture_request())
    server.answers(sample("intent_canceled"))
    voided = stripe.void(void_request())

    assert polled[K.AUTHORIZED].event_key == read("charge.succeeded", charge()).event_key
    assert polled[K.CAPTURED].event_key == read("payment_intent.succeeded", intent()).event_key
    told = read("payment_intent.succeeded", intent("intent_captured"))
    assert (captured.event_key, captured.reference) == (told.event_key, told.reference)
    told = read("payment_intent.canceled", intent("intent_canceled"))
    assert (voided.event_key, voided.occurred_at) == (told.event_key, told.occurred_at)
