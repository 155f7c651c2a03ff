"""A person's word that something was never done: only where no gateway will be asked any more, and weaker than any."""

from datetime import timedelta

import pytest

from gateways.protocol import OutcomeKind as Kind
from payments.errors import StillOpen, UnknownSubject
from payments.models import GatewayEvent, Payment, Transaction
from payments.services.ruling import rule_out_operation
from payments.services.surplus import refund_rows
from tests.payments.house import books

pytestmark = pytest.mark.django_db


@pytest.fixture
def lost(house):
    """A refund of 20.00 EUR that was sent, whose answer was lost, and that nobody asks about any more."""
    payment = house.paid(house.payment())
    sale = payment.transactions.get()
    now = house.clock.move(minutes=5)
    (refund,) = refund_rows([sale], amount_minor=2000, reason="rain", requested_by="ada", now=now)
    Transaction.objects.filter(pk=refund.pk).update(first_sent_at=now, unknown_since_at=now, checks_made=6)
    refund.refresh_from_db()
    return refund


def rule_out(house, refund):
    return rule_out_operation(transaction_id=refund.pk, requested_by="grace", clock=house.clock)


def test_what_was_not_done_has_failed_and_says_who_said_so(house, lost):
    ruled_out = rule_out(house, lost)

    assert (ruled_out.status, ruled_out.unknown_since_at) == ("FAILED", None)
    event = GatewayEvent.objects.get(transaction=lost)
    assert (event.kind, event.source, event.raw) == ("REFUND_FAILED", "STAFF", {"by": "grace"})
    assert books(lost.order) == {"RECEIVABLE>CLEARING": 9000}


def test_what_waited_to_learn_whether_it_was_this_operation_is_booked_then(house, lost):
    payment = Payment.objects.get(pk=lost.payment_id)
    with pytest.raises(UnknownSubject, match="may answer an operation of ours"):
        house.tell(payment, Kind.REFUNDED, "RF-DASHBOARD", of="PSP1", minor=1500)

    rule_out(house, lost)

    house.tell(payment, Kind.REFUNDED, "RF-DASHBOARD", of="PSP1", minor=1500)
    assert books(lost.order) == {"RECEIVABLE>CLEARING": 9000, "CLEARING>RECEIVABLE": 1500}


def test_any_word_of_the_gateway_counts_more_however_old(house, lost):
    rule_out(house, lost)

    payment = Payment.objects.get(pk=lost.payment_id)
    when = lost.requested_at - timedelta(hours=3)
    house.tell(payment, Kind.REFUNDED, "RF1", of="PSP1", ours=lost.reference, minor=2000, occurred_at=when)

    lost.refresh_from_db()
    assert (lost.status, lost.gateway_reference) == ("PROCESSED", "RF1")
    assert books(lost.order) == {"RECEIVABLE>CLEARING": 9000, "CLEARING>RECEIVABLE": 2000}


@pytest.mark.parametrize(
    "standing",
    [
        {"next_check_at": "now"},
        {"claimed_until": "soon"},
        {"unknown_since_at": None},
        {"gateway_reference": "RF1"},
        {"status": "PROCESSED"},
    ],
)
def test_what_may_still_be_found_out_is_not_a_persons_to_decide(house, lost, standing):
    moments = {"now": house.clock(), "soon": house.clock() + timedelta(seconds=30)}
    Transaction.objects.filter(pk=lost.pk).update(
        **{name: moments.get(value, value) for name, value in standing.items()}
    )

    with pytest.raises(StillOpen):
        rule_out(house, lost)

    assert not GatewayEvent.objects.filter(transaction=lost).exists()
