"""Money that goes back, by us, in the processor's own back office or by the guest's bank; and holds that run out."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections
from django.utils import timezone

from bookings.models import Availability, Booking
from money import Money
from payments.errors import RefundTooLarge
from payments.models import Dispute, Opening
from payments.services import aftercare

TWO_ADULTS = 9000
TWO_ADULTS_USD = 10000


def test_cancelled_in_time_and_given_back_in_full(trip):
    held, _ = confirmed(trip)

    shown = held.cancel()

    assert shown["cancellation"]["refund"] == "FULL"
    trip.until(lambda: held.read()["cardPayment"]["totalRefunded"] == TWO_ADULTS, "the refund being booked")
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS, "CLEARING>RECEIVABLE": TWO_ADULTS}
    assert (held.at_processor["captured"], held.at_processor["refunded"]) == (TWO_ADULTS, TWO_ADULTS)
    assert held.read()["cardPayment"]["status"] == "CANCELLED"


def test_cancelled_while_money_is_only_held_on_the_card(trip):
    held = trip.hold(currency="USD")
    trip.pay(held.session)
    trip.until(lambda: held.payment.state == "AUTHORIZED", "the hold on the card being known")

    held.cancel()

    trip.until(lambda: held.payment.state == "VOIDED", "the hold on the card being released")
    assert held.books == {}
    assert (held.at_processor["captured"], held.at_processor["cancelled"]) == (0, TWO_ADULTS_USD)


def test_refunded_by_staff_in_parts_and_never_more_than_was_taken(trip):
    held, _ = confirmed(trip)
    for amount in (2000, 3000):
        refund(trip, held, amount)
        trip.settle()

    with pytest.raises(RefundTooLarge):
        refund(trip, held, TWO_ADULTS - 5000 + 1)

    refund(trip, held, TWO_ADULTS - 5000)
    trip.settle()
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS, "CLEARING>RECEIVABLE": TWO_ADULTS}
    assert held.at_processor["refunded"] == TWO_ADULTS
    assert len(trip.requests("refund")) == 3
    assert held.payment.state == "REFUNDED"


def test_two_refunds_at_once_that_exceed_the_capture_together(trip):
    held, _ = confirmed(trip)
    start = Barrier(2)

    def refund_most_of_it(_turn):
        try:
            start.wait()
            refund(trip, held, 6000)
        except RefundTooLarge as refusal:
            return refusal
        finally:
            connections.close_all()
        return None

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(refund_most_of_it, range(2)))

    assert sorted(isinstance(outcome, RefundTooLarge) for outcome in outcomes) == [False, True]
    trip.settle()
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS, "CLEARING>RECEIVABLE": 6000}
    assert held.at_processor["refunded"] == 6000
    assert len(trip.requests("refund")) == 1


def test_refunded_in_the_processors_own_back_office(trip):
    held, psp_reference = confirmed(trip)

    trip.back_office(psp_reference, "refund", amount=2500)

    trip.until(lambda: held.books.get("CLEARING>RECEIVABLE") == 2500, "the refund being booked")
    trip.settle()
    assert held.operations[0] == ("REFUND", "GATEWAY", "PROCESSED", 2500)
    assert trip.requests("refund") == []
    assert held.at_processor["refunded"] == 2500
    assert held.cases == {"BALANCE_REOPENED"}
    shown = held.read()
    assert (shown["status"], shown["cardPayment"]["totalRefunded"]) == ("CONFIRMED", 2500)


def test_charged_back_by_the_guests_bank_and_won_back(trip):
    held, psp_reference = confirmed(trip)

    trip.back_office(psp_reference, "chargeback", amount=TWO_ADULTS, reason="10.4:Other fraud")

    trip.until(lambda: held.books.get("CLEARING>DISPUTED") == TWO_ADULTS, "the chargeback being booked")
    assert held.cases == {"CHARGEBACK"}
    assert Dispute.objects.get().payment_id == held.payment.id
    assert held.at_processor["charged_back"] == TWO_ADULTS
    assert held.payment.charged_back_minor == TWO_ADULTS
    trip.back_office(psp_reference, "chargeback_reversed")
    trip.until(lambda: held.payment.charged_back_minor == 0, "the reversal being booked")
    trip.settle()
    assert held.books["DISPUTED>CLEARING"] == TWO_ADULTS
    assert held.at_processor["charged_back"] == 0
    assert held.status == "CONFIRMED"


def test_refund_and_chargeback_together_are_never_more_than_was_taken_by_us(trip):
    held, psp_reference = confirmed(trip)
    trip.back_office(psp_reference, "refund", amount=4000)
    trip.back_office(psp_reference, "chargeback", amount=5000)
    trip.until(lambda: held.payment.charged_back_minor == 5000, "the chargeback being booked")
    trip.until(lambda: held.payment.refunded_minor == 4000, "the refund being booked")

    with pytest.raises(RefundTooLarge):
        refund(trip, held, 1)

    assert held.books == {
        "RECEIVABLE>CLEARING": TWO_ADULTS,
        "CLEARING>RECEIVABLE": 4000,
        "CLEARING>DISPUTED": 5000,
    }


def test_the_hold_runs_out_and_nobody_pays(trip):
    held = trip.hold()

    held.let_the_hold_run_out()

    trip.until(lambda: held.status == "EXPIRED", "the hold being ended")
    status, answer = held.ask_to_confirm()
    assert (status, answer["error"], answer["uuid"]) == (400, "INVALID_BOOKING_UUID", held.uuid)
    assert Opening.objects.get().status == "CLOSED"
    assert Availability.objects.get().reserved == 0
    assert held.at_processor["authorized"] == 0


def test_the_hold_runs_out_while_the_guest_pays_and_the_seats_are_still_there(trip):
    held = trip.hold()
    session = held.session
    held.let_the_hold_run_out()
    trip.until(lambda: held.status == "EXPIRED", "the hold being ended")

    paid = trip.pay(session)

    trip.until(lambda: held.status == "ON_HOLD", "the same seats being taken again")
    held.confirm(session, paid["sessionResult"])
    assert Availability.objects.get().reserved == 2
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}
    assert held.at_processor["captured"] == TWO_ADULTS
    assert held.cases == set()


def test_the_hold_runs_out_while_the_guest_pays_and_the_seats_are_gone(trip):
    held = trip.hold()
    session = held.session
    held.let_the_hold_run_out()
    trip.until(lambda: held.status == "EXPIRED", "the hold being ended")
    Availability.objects.update(capacity=3)
    trip.hold(2)

    trip.pay(session)

    trip.until(lambda: held.cases == {"PAID_WITHOUT_SEATS"}, "the case for staff")
    assert held.status == "EXPIRED"
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}
    assert held.read()["cardPayment"]["totalPaid"] == TWO_ADULTS
    refund(trip, held, TWO_ADULTS)
    trip.settle()
    assert held.at_processor["refunded"] == TWO_ADULTS


def test_a_hold_with_money_does_not_run_out(trip):
    held = trip.hold()
    trip.pay(held.session)
    trip.until(lambda: held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}, "the money being booked")
    held.let_the_hold_run_out()

    trip.until(lambda: Booking.objects.filter(uuid=held.uuid, expires_at__gt=timezone.now()).exists(), "a longer hold")

    assert held.status == "ON_HOLD"
    held.confirm()


def confirmed(trip):
    """Return a confirmed booking of two adults and the processor's reference of its payment."""
    held = trip.hold()
    session = held.session
    paid = trip.pay(session)
    held.confirm(session, paid["sessionResult"])
    trip.settle()
    return held, paid["pspReference"]


def refund(trip, held, amount):
    """Give back as a member of staff would by the admin's button."""
    payment = held.payment
    aftercare.refund_payment(
        payment=payment,
        money=Money(amount, payment.currency),
        reason="goodwill",
        requested_by="demo-staff",
        clock=trip.now,
    )
