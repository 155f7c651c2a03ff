"""What follows a payment at Stripe: captures, releases, refunds, and looking."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gateways.errors import AnswerLost, Rejected
from gateways.protocol import OutcomeKind, Reference, RevokeCardRequest
from money import Money
from tests.gateways.scripted_server import ScriptedServer
from tests.gateways.stripe_world import (
    CARD,
    CHARGE,
    CUSTOMER,
    INTENT,
    TOKEN,
    capture_request,
    card_error,
    form,
    refund_request,
    refusal,
    sample,
    stripe_at,
    void_request,
)

K = OutcomeKind
CAPTURE = "tx-5H3JAF8V"


def test_a_capture_takes_what_is_asked_and_leaves_our_reference(server: ScriptedServer) -> None:
    server.answers({**sample("intent_captured"), "amount_received": 6000})

    outcome = stripe_at(server.url).capture(capture_request(Money(6000, "EUR")))

    (asked,) = server.asked
    assert asked.target == f"/stripe/v1/payment_intents/{INTENT}/capture"
    assert asked.headers["idempotency-key"] == "16fd2706-8baf-433b-82eb-8c7fada847da"
    assert form(asked) == {
        "amount_to_capture": "6000",
        "metadata[capture_reference]": CAPTURE,
        "expand[0]": "latest_charge",
    }
    assert (outcome.kind, outcome.money) == (K.CAPTURED, Money(6000, "EUR"))
    assert outcome.reference == Reference(ours=CAPTURE, gateway=CHARGE, payment=INTENT, opening=INTENT)


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (400, refusal("capture_charge_authorization_expired"), K.CAPTURE_FAILED),
        (402, card_error(decline_code="insufficient_funds"), K.CAPTURE_FAILED),
        (400, refusal("payment_intent_unexpected_state", intent=sample("intent_canceled")), K.CAPTURE_FAILED),
        # Ours, whose answer was lost long ago.
        (400, refusal("payment_intent_unexpected_state", intent=sample("intent_captured")), K.CAPTURED),
        # Somebody else's, in the dashboard.
        (
            400,
            refusal(
                "payment_intent_unexpected_state",
                intent={**sample("intent_captured"), "metadata": sample("intent_created")["metadata"]},
            ),
            K.CAPTURE_FAILED,
        ),
    ],
    ids=["hold over", "declined", "canceled", "ours", "theirs"],
)
def test_a_capture_that_comes_too_late_says_what_became_of_it(
    server: ScriptedServer, status: int, answer: Any, kind: OutcomeKind
) -> None:
    server.answers(answer, status=status)

    outcome = stripe_at(server.url).capture(capture_request())

    assert outcome.kind is kind
    assert outcome.reference.ours == CAPTURE
    assert len(server.asked) == 1


def test_a_void_cancels_the_intent(server: ScriptedServer) -> None:
    server.answers(sample("intent_canceled"))

    outcome = stripe_at(server.url).void(void_request())

    (asked,) = server.asked
    assert asked.target == f"/stripe/v1/payment_intents/{INTENT}/cancel"
    assert outcome.kind is K.VOIDED
    assert outcome.reference == Reference(ours="tx-8B6QYN2D", gateway=CHARGE, payment=INTENT, opening=INTENT)
    assert (outcome.event_key, outcome.occurred_at) == (
        f"voided:{INTENT}",
        datetime(2026, 11, 21, 9, 6, 40, tzinfo=UTC),
    )


@pytest.mark.parametrize(("intent", "kind"), [("intent_canceled", K.VOIDED), ("intent_captured", K.VOID_FAILED)])
def test_a_void_that_comes_too_late_says_what_became_of_it(
    server: ScriptedServer, intent: str, kind: OutcomeKind
) -> None:
    server.answers(refusal("payment_intent_unexpected_state", intent=sample(intent)), status=400)

    outcome = stripe_at(server.url).void(void_request())

    assert (outcome.kind, outcome.reference.ours) == (kind, "tx-8B6QYN2D")


def test_a_refund_names_the_intent_and_our_reference(server: ScriptedServer) -> None:
    server.answers(sample("refund_succeeded"))

    outcome = stripe_at(server.url).refund(refund_request())

    (asked,) = server.asked
    assert asked.target == "/stripe/v1/refunds"
    assert form(asked) == {"payment_intent": INTENT, "amount": "3000", "metadata[reference]": "tx-9W4TB6NE"}
    refund = "re_3SXkQ2C8dFh1Ju0p0tLw8QpN"
    assert (outcome.kind, outcome.money) == (K.REFUNDED, Money(3000, "EUR"))
    assert outcome.reference == Reference(ours="tx-9W4TB6NE", gateway=refund, payment=INTENT, opening=INTENT)
    assert outcome.event_key == f"refunded:{refund}"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("pending", K.PENDING),
        ("requires_action", K.PENDING),
        ("failed", K.REFUND_FAILED),
        ("canceled", K.REFUND_FAILED),
    ],
)
def test_a_refund_may_wait_or_fail(server: ScriptedServer, status: str, kind: OutcomeKind) -> None:
    server.answers({**sample("refund_succeeded"), "status": status, "failure_reason": "expired_or_canceled_card"})

    assert stripe_at(server.url).refund(refund_request()).kind is kind


@pytest.mark.parametrize("code", ["charge_already_refunded", "refund_disputed_payment", "balance_insufficient"])
def test_a_refund_that_cannot_be_fails_with_stripes_words(server: ScriptedServer, code: str) -> None:
    server.answers(refusal(code), status=400)

    outcome = stripe_at(server.url).refund(refund_request())

    assert outcome.kind is K.REFUND_FAILED
    assert outcome.decline is not None
    assert outcome.decline.raw_code == code


def test_a_refund_of_more_than_is_left_was_not_made(server: ScriptedServer) -> None:
    server.answers(refusal("", param="amount"), status=400)

    assert stripe_at(server.url).refund(refund_request()).kind is K.REFUND_FAILED


@pytest.mark.parametrize("change", [{"payment_intent": "pi_other"}, {"metadata": {}}, {"amount": "3000"}], ids=str)
def test_an_answer_about_another_refund_is_no_answer(server: ScriptedServer, change: dict[str, Any]) -> None:
    server.answers({**sample("refund_succeeded"), **change})

    with pytest.raises(AnswerLost):
        stripe_at(server.url).refund(refund_request())


def test_a_revoked_card_is_detached_and_one_that_is_gone_is_fine(server: ScriptedServer) -> None:
    stripe = stripe_at(server.url)
    request = RevokeCardRequest(card_token=TOKEN, shopper_reference="c-1204")
    server.answers(sample("payment_method_detached"))
    stripe.revoke_card(request)
    server.answers(refusal("resource_missing", param="payment_method"), status=404)
    stripe.revoke_card(request)

    assert [asked.target for asked in server.asked] == [f"/stripe/v1/payment_methods/{CARD}/detach"] * 2
    with pytest.raises(Rejected):
        stripe.revoke_card(replace(request, card_token=CARD))
    server.answers({**sample("payment_method_detached"), "customer": CUSTOMER})
    with pytest.raises(AnswerLost):
        stripe.revoke_card(request)


@pytest.mark.parametrize(("status", "kind"), [("succeeded", K.REFUNDED), ("pending", K.PENDING)])
def test_a_refund_is_looked_up_by_its_own_name(server: ScriptedServer, status: str, kind: OutcomeKind) -> None:
    server.answers({**sample("refund_succeeded"), "status": status, "metadata": {}})
    refund = "re_3SXkQ2C8dFh1Ju0p0tLw8QpN"

    (outcome,) = stripe_at(server.url).fetch(Reference(ours="tx-9W4TB6NE", gateway=refund))

    assert server.asked[0].target == f"/stripe/v1/refunds/{refund}"
    assert (outcome.kind, outcome.reference.gateway) == (kind, refund)


@pytest.mark.parametrize("reference", [Reference(), Reference(gateway="7Q2K"), Reference(ours="tx'] OR [")], ids=str)
def test_what_names_nothing_of_stripes_is_not_asked_about(server: ScriptedServer, reference: Reference) -> None:
    with pytest.raises(Rejected):
        stripe_at(server.url).fetch(reference)

    assert server.asked == []
