"""A dispute is told by the stage and the deadline that were known at the time, and by what had come of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateways.protocol import DisputeNews, OutcomeKind
from payments.models import Dispute, EventSource
from payments.services.transitions import apply_outcome
from tests.payments.house import build_house
from tests.reconciliation.reports.asking import rows_of

pytestmark = pytest.mark.django_db


def test_every_stage_is_told_as_of_when_it_was_known():
    house = build_house()
    payment = house.paid(house.payment(adults=2))
    due = house.clock() + timedelta(days=14)

    def say(kind, stage, evidence_due_at=None):
        """Let the gateway say it an hour later; return a minute after that."""
        now = house.clock.move(hours=1)
        word = replace(
            house.word(payment, kind, "D1", minor=9_000, of="PSP1", key=f"D1:{stage}", occurred_at=now),
            dispute=DisputeNews(stage=stage, reason="Fraud", evidence_due_at=evidence_due_at),
        )
        apply_outcome(account=payment.account, outcome=word, source=EventSource.WEBHOOK, now=now)
        return now + timedelta(minutes=1)

    taken = say(OutcomeKind.CHARGEBACK, "CHARGEBACK", due)
    defended = say(OutcomeKind.CHARGEBACK, "DEFENDED")
    won = say(OutcomeKind.CHARGEBACK_REVERSED, "CHARGEBACK_REVERSED")

    assert [told["stage"] for told in Dispute.objects.get().stages] == ["CHARGEBACK", "DEFENDED", "CHARGEBACK_REVERSED"]
    for as_of, expected in {
        taken - timedelta(minutes=5): [],
        taken: [("CHARGEBACK", "TAKEN_BACK", due, -9_000)],
        defended: [("DEFENDED", "TAKEN_BACK", due, -9_000)],
        won: [("CHARGEBACK_REVERSED", "RETURNED", due, -9_000), ("CHARGEBACK_REVERSED", "RETURNED", due, 9_000)],
    }.items():
        rows = rows_of("chargebacks", as_of=as_of, is_live=False)
        assert [
            (row["stage"], row["outcome"], row["evidence_due_at"], row["amount_minor"]) for row in rows
        ] == expected, as_of
