"""Payments that the partner takes itself, at its till or by its own processor, and tells us of."""

from payments.models import ExternalNote, Transaction

TWO_ADULTS = 9000


def report(trip, held, *, amount=TWO_ADULTS, notes="till 4, receipt 1201", **external):
    payment = {"gateway": "external", "source": "POS", "amount": amount, "currency": "EUR", "notes": notes}
    if external:
        payment["external"] = external
    answer = trip.octo.send("POST", f"/bookings/{held.uuid}/confirm", {"cardPayment": payment})
    return answer.status_code, answer.json()


def test_approved_elsewhere_confirms_the_booking(trip):
    held = trip.hold()

    status, shown = report(trip, held)

    assert (status, shown["status"]) == (200, "CONFIRMED")
    assert (shown["cardPayment"]["gateway"], shown["cardPayment"]["source"]) == ("external", "POS")
    assert (shown["cardPayment"]["totalPaid"], shown["cardPayment"]["balance"]) == (TWO_ADULTS, 0)
    assert held.books == {"RECEIVABLE>EXTERNAL": TWO_ADULTS}
    assert ExternalNote.objects.get().text == "till 4, receipt 1201"
    assert held.at_processor["authorized"] == 0


def test_repeating_the_report_books_it_once(trip):
    held = trip.hold()
    report(trip, held)

    status, shown = report(trip, held)

    assert (status, shown["status"]) == (200, "CONFIRMED")
    assert held.books == {"RECEIVABLE>EXTERNAL": TWO_ADULTS}
    assert Transaction.objects.count() == 1


def test_refused_elsewhere_gives_the_partners_reason_back_and_confirms_nothing(trip):
    held = trip.hold()

    status, answer = report(trip, held, approved=False, refusalReason="Card reported stolen")

    assert (status, answer["error"], answer["errorMessage"]) == (400, "BAD_REQUEST", "Card reported stolen")
    assert held.status == "ON_HOLD"
    assert held.books == {}
    assert held.operations == [("SALE", "OURS", "FAILED", TWO_ADULTS)]
    status, shown = report(trip, held, notes="till 4, receipt 1202")
    assert (status, shown["status"]) == (200, "CONFIRMED")
    assert held.books == {"RECEIVABLE>EXTERNAL": TWO_ADULTS}


def test_a_part_payment_is_recorded_and_the_rest_confirms(trip):
    held = trip.hold()

    status, shown = report(trip, held, amount=4000, notes="cash")

    assert (status, shown["status"]) == (200, "ON_HOLD")
    assert (shown["cardPayment"]["totalPaid"], shown["cardPayment"]["balance"]) == (4000, TWO_ADULTS - 4000)
    assert held.books == {"RECEIVABLE>EXTERNAL": 4000}
    status, shown = report(trip, held, amount=TWO_ADULTS - 4000, notes="card")
    assert (status, shown["status"]) == (200, "CONFIRMED")
    assert held.books == {"RECEIVABLE>EXTERNAL": TWO_ADULTS}


def test_a_part_taken_elsewhere_and_the_rest_by_card(trip):
    held = trip.hold()
    report(trip, held, amount=4000, notes="cash")
    answer = trip.octo.send("PATCH", f"/bookings/{held.uuid}", {"cardPayment": {"gateway": "adyen"}})
    assert answer.status_code == 200, answer.text
    session = held.session

    paid = trip.pay(session)
    held.confirm(session, paid["sessionResult"])

    trip.settle()
    assert held.books == {"RECEIVABLE>EXTERNAL": 4000, "RECEIVABLE>CLEARING": TWO_ADULTS - 4000}
    assert held.at_processor["captured"] == TWO_ADULTS - 4000


def test_a_part_payment_is_cancelled_before_the_confirmation(trip):
    held = trip.hold()
    report(trip, held, amount=4000, notes="cash")

    cancellation = {"gateway": "external", "cancel": True, "notes": "guest wants to pay by card"}
    answer = trip.octo.send("POST", f"/bookings/{held.uuid}/confirm", {"cardPayment": cancellation})

    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert (shown["status"], shown["cardPayment"]["balance"]) == ("ON_HOLD", TWO_ADULTS)
    assert held.books == {"RECEIVABLE>EXTERNAL": 4000, "EXTERNAL>RECEIVABLE": 4000}


def test_a_confirmed_bookings_payment_is_not_the_partners_to_cancel(trip):
    held = trip.hold()
    report(trip, held)

    cancellation = {"gateway": "external", "cancel": True}
    answer = trip.octo.send("POST", f"/bookings/{held.uuid}/confirm", {"cardPayment": cancellation})

    assert held.status == "CONFIRMED"
    assert held.books == {"RECEIVABLE>EXTERNAL": TWO_ADULTS}
    assert (answer.status_code, answer.json().get("error")) == (400, "UNPROCESSABLE_ENTITY")


def test_a_booking_paid_elsewhere_and_cancelled_is_given_back_elsewhere(trip):
    held = trip.hold()
    report(trip, held)

    shown = held.cancel()

    assert shown["cancellation"]["refund"] == "FULL"
    assert held.books == {"RECEIVABLE>EXTERNAL": TWO_ADULTS, "EXTERNAL>RECEIVABLE": TWO_ADULTS}
    assert trip.requests("refund") == []
