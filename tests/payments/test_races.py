"""Every claim about two actors at once, with its control: the same race goes wrong when the lock is taken away."""

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Q

from bookings.encryption import encrypt_text
from gateways.protocol import OutcomeKind as Kind
from money import Money
from payments import inbox
from payments.errors import RefundTooLarge
from payments.models import GatewayEvent, Opening, Payment, Transaction, WebhookDelivery, claims
from payments.services import aftercare, at_once, capturing, collecting, confirming, operations, transitions, ways_back
from payments.services.collecting import NO_REQUEST
from payments.states import OperationKind
from tests.bookings.racing import Racer, overtaken_by
from tests.payments.house import books
from tests.payments.races import meet, run_together, take_row_locks_away, without

pytestmark = pytest.mark.django_db(transaction=True)

BOUND_OFF = "ALTER TABLE payments_transaction DISABLE TRIGGER refunds_within_capture"
BOUND_ON = "ALTER TABLE payments_transaction ENABLE TRIGGER refunds_within_capture"


def two_refunds(house, payment, minor=6000):
    """Ask for two refunds at once; those who `meet` in `part_of` have read for the last time, and written nothing."""

    def refund():
        return aftercare.request_refund(
            payment_id=payment.id,
            money=Money(minor, "EUR"),
            reason="guest asked",
            requested_by="ada",
            now=house.clock(),
        )

    return run_together(refund, refund)


def reserved(payment):
    return sum(Transaction.objects.filter(payment=payment, kind="REFUND").values_list("amount_minor", flat=True))


def test_of_two_refunds_that_together_exceed_the_capture_one_goes_through(house, monkeypatch):
    payment = house.paid(house.payment())
    meet(monkeypatch, ways_back, "part_of")

    results = two_refunds(house, payment)

    assert reserved(payment) == 6000
    assert [type(result) for result in results if isinstance(result, Exception)] == [RefundTooLarge]


def test_control_without_the_row_lock_the_database_still_bounds_two_refunds(house, monkeypatch):
    payment = house.paid(house.payment())
    take_row_locks_away(monkeypatch)
    meet(monkeypatch, ways_back, "part_of")

    results = two_refunds(house, payment)

    assert reserved(payment) == 6000
    assert [type(result) for result in results if isinstance(result, Exception)] == [IntegrityError]


def test_control_without_lock_and_bound_both_refunds_go_through(house, monkeypatch):
    payment = house.paid(house.payment())
    take_row_locks_away(monkeypatch)
    meet(monkeypatch, ways_back, "part_of")

    with without(BOUND_OFF, BOUND_ON):
        two_refunds(house, payment)

    assert reserved(payment) == 12000


def two_captures(house, payment):
    def capture():
        confirming._confirm_or_write(
            at_once.Wanted(order=payment.order), NO_REQUEST, operations.Patience(house.clock), may_charge=True
        )

    return run_together(capture, capture)


def test_two_confirms_at_once_ask_for_one_capture(house, monkeypatch):
    payment = house.paid(house.payment(account="adyen-us"))
    meet(monkeypatch, capturing, "new_operation")

    two_captures(house, payment)

    assert Transaction.objects.filter(payment=payment, kind=OperationKind.CAPTURE).count() == 1


def test_control_without_the_order_lock_two_captures_are_asked_for(house, monkeypatch):
    payment = house.paid(house.payment(account="adyen-us"))
    take_row_locks_away(monkeypatch)
    meet(monkeypatch, capturing, "new_operation")

    two_captures(house, payment)

    assert Transaction.objects.filter(payment=payment, kind=OperationKind.CAPTURE).count() == 2


def test_two_reads_at_once_prepare_one_payment(house, monkeypatch):
    booking = house.reserve(payment_request=None, return_url=None)
    meet(monkeypatch, collecting, "current_payment")

    def prepare():
        collecting.prepare_payment(order_id=booking.order_id, payment_request=NO_REQUEST, clock=house.clock)

    results = run_together(prepare, prepare)

    assert results == [None, None]
    assert Payment.objects.filter(order_id=booking.order_id).count() == 1


def test_control_without_the_order_lock_the_second_payment_is_refused_by_the_database(house, monkeypatch):
    booking = house.reserve(payment_request=None, return_url=None)
    take_row_locks_away(monkeypatch)
    meet(monkeypatch, collecting, "current_payment")

    def prepare():
        collecting.prepare_payment(order_id=booking.order_id, payment_request=NO_REQUEST, clock=house.clock)

    results = run_together(prepare, prepare)

    assert sorted(type(result).__name__ for result in results) == ["IntegrityError", "NoneType"]


def test_the_same_webhook_in_two_workers_is_booked_once(house, monkeypatch):
    payment = house.payment()
    house.opening(payment)
    meet(monkeypatch, transitions, "operation_for")

    results = run_together(
        lambda: house.tell(payment, Kind.AUTHORIZED, "PSP1").is_new,
        lambda: house.tell(payment, Kind.AUTHORIZED, "PSP1").is_new,
    )

    assert sorted(results) == [False, True]
    assert books(payment.order) == {"RECEIVABLE>CLEARING": 9000}
    assert GatewayEvent.objects.filter(payment=payment).count() == 1


def test_control_without_the_locks_the_second_word_is_refused_by_the_database(house, monkeypatch):
    payment = house.payment()
    house.opening(payment)
    take_row_locks_away(monkeypatch)
    meet(monkeypatch, transitions, "subject_of")

    results = run_together(
        lambda: house.tell(payment, Kind.AUTHORIZED, "PSP1"), lambda: house.tell(payment, Kind.AUTHORIZED, "PSP1")
    )

    assert IntegrityError in [type(result) for result in results]
    assert books(payment.order) == {"RECEIVABLE>CLEARING": 9000}


def test_two_payments_told_at_once_are_both_booked_and_the_second_is_given_back_once(house, monkeypatch):
    payment = house.payment()
    house.opening(payment)
    house.opening(payment, reference="CS2")
    meet(monkeypatch, transitions, "derive")

    run_together(
        lambda: house.tell(payment, Kind.AUTHORIZED, "PSP1"), lambda: house.tell(payment, Kind.AUTHORIZED, "PSP2")
    )

    payment.refresh_from_db()
    assert payment.captured_minor == 18000
    assert books(payment.order) == {"RECEIVABLE>CLEARING": 18000}
    assert reserved(payment) == 9000


def test_control_without_the_locks_one_of_two_words_is_forgotten_in_the_sums(house, monkeypatch):
    payment = house.payment()
    house.opening(payment)
    house.opening(payment, reference="CS2")
    take_row_locks_away(monkeypatch)
    meet(monkeypatch, transitions, "derive")

    run_together(
        lambda: house.tell(payment, Kind.AUTHORIZED, "PSP1"), lambda: house.tell(payment, Kind.AUTHORIZED, "PSP2")
    )

    payment.refresh_from_db()
    assert payment.captured_minor == 9000


def four_claims_of_an_operation(house):
    payment = house.paid(house.payment())
    refund = aftercare.request_refund(
        payment_id=payment.id, money=Money(100, "EUR"), reason="", requested_by="ada", now=house.clock()
    )[0]
    return run_together(
        *[lambda: operations.claim(transaction_id=refund.id, now=house.clock()) is not None for _ in range(4)]
    )


def take_claims_away(monkeypatch):
    """Let whoever wants a row take it, claimed or not: the negative control of claims."""
    monkeypatch.setattr(claims, "unclaimed", lambda now: Q())


def test_an_operation_is_claimed_by_one_worker_only(house):
    assert sorted(four_claims_of_an_operation(house)) == [False, False, False, True]


def test_control_without_claims_every_worker_sends_the_operation(house, monkeypatch):
    take_claims_away(monkeypatch)

    assert four_claims_of_an_operation(house) == [True] * 4


def test_a_claim_whose_lease_ran_out_is_taken_over_with_the_next_number(house):
    payment = house.paid(house.payment())
    refund = aftercare.request_refund(
        payment_id=payment.id, money=Money(100, "EUR"), reason="", requested_by="ada", now=house.clock()
    )[0]
    operations.claim(transaction_id=refund.id, now=house.clock())

    assert operations.claim(transaction_id=refund.id, now=house.clock()) is None

    taken_over = operations.claim(transaction_id=refund.id, now=house.clock.move(minutes=5))
    assert taken_over is not None
    assert taken_over.claim_number == 2


def four_claims_of_a_delivery(house):
    delivery = WebhookDelivery.objects.create(
        account=house.accounts["adyen-eu"],
        delivery_key="k",
        body_encrypted=encrypt_text("{}"),
        received_at=house.clock(),
    )
    return run_together(*[lambda: inbox._claim(delivery.pk, house.clock()) is not None for _ in range(4)])


def test_a_delivery_is_handled_by_one_worker_only(house):
    assert sorted(four_claims_of_a_delivery(house)) == [False, False, False, True]


def test_control_without_claims_every_worker_handles_the_delivery(house, monkeypatch):
    take_claims_away(monkeypatch)

    assert four_claims_of_a_delivery(house) == [True] * 4


def given_up_while_it_is_accepted(house, monkeypatch):
    """Let a refund's caller give its answer up while the door is taking in that it was accepted; return the row."""
    payment = house.paid(house.payment())
    [refund] = aftercare.request_refund(
        payment_id=payment.id, money=Money(100, "EUR"), reason="", requested_by="ada", now=house.clock()
    )
    claimed = operations.claim(transaction_id=refund.id, now=house.clock())
    giving_up = Racer(lambda: operations.mark_unknown(claimed, "no answer", house.clock()))
    bind = transitions.operation_for

    def bind_and_be_overtaken(**fields):
        found = bind(**fields)
        giving_up.start().wait_until_blocked_or_done()
        return found

    monkeypatch.setattr(transitions, "operation_for", bind_and_be_overtaken)
    house.tell(payment, Kind.PENDING, "RF1", of="PSP1", ours=refund.reference)
    giving_up.finish()
    return Transaction.objects.get(pk=refund.pk)


def test_an_operation_that_was_just_accepted_is_not_left_unknown(house, monkeypatch):
    refund = given_up_while_it_is_accepted(house, monkeypatch)

    assert (refund.status, refund.gateway_reference, refund.unknown_since_at) == ("PENDING", "RF1", None)


def test_control_without_the_order_lock_it_is(house, monkeypatch):
    take_row_locks_away(monkeypatch)

    refund = given_up_while_it_is_accepted(house, monkeypatch)

    assert (refund.status, refund.gateway_reference) == ("PENDING", "RF1")
    assert refund.unknown_since_at is not None


def test_an_answer_that_waits_for_a_webhook_does_not_take_back_what_it_told(house):
    """The guest may have paid before the answer that the page is open has been taken in."""
    payment = house.payment()
    opening = house.opening(payment)
    answer = house.word(payment, Kind.ACTION_REQUIRED, "CS1")

    def take_answer_in():
        with transaction.atomic():
            transitions.record_opened(
                opening=Opening.objects.select_related("payment", "account").get(pk=opening.pk),
                answer=answer,
                now=house.clock(),
            )

    with overtaken_by(take_answer_in) as late:
        house.tell(payment, Kind.AUTHORIZED, "PSP1")
    late.finish()

    assert late.was_blocked
    payment.refresh_from_db()
    assert (payment.state, payment.captured_minor) == ("CAPTURED", 9000)
    assert set(GatewayEvent.objects.filter(payment=payment).values_list("kind", flat=True)) == {
        *("AUTHORIZED", "ACTION_REQUIRED")
    }
