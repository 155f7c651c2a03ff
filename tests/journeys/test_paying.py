"""From hold to confirmation, whatever the guest and the partner do on the way."""

from concurrent.futures import ThreadPoolExecutor

from django.db import connections

from payments.models import Opening, Transaction

CARD_SAYS_NO = "NOT_ENOUGH_BALANCE"
TWO_ADULTS, THREE_ADULTS = 9000, 13500


def test_paid_at_the_first_try(trip):
    held = trip.hold()
    session = held.session

    paid = trip.pay(session)
    shown = held.confirm(session, paid["sessionResult"])

    assert shown["cardPayment"]["status"] == "CONFIRMED"
    assert (shown["cardPayment"]["totalPaid"], shown["cardPayment"]["balance"]) == (TWO_ADULTS, 0)
    assert shown["cardPayment"]["providerReference"] == paid["pspReference"]
    trip.settle()
    assert held.operations == [("SALE", "GATEWAY", "PROCESSED", TWO_ADULTS)]
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}
    assert held.at_processor["captured"] == TWO_ADULTS
    assert held.cases == set()


def test_the_worker_books_what_the_webhook_tells_before_anybody_confirms(trip):
    held = trip.hold()

    trip.pay(held.session)

    trip.until(lambda: held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}, "the webhook being booked")
    assert held.status == "ON_HOLD"
    assert held.read()["cardPayment"]["status"] == "CONFIRMED"
    assert held.confirm()["cardPayment"]["adyen"] == {}


def test_refused_then_paid_in_the_same_session(trip):
    held = trip.hold()
    session = held.session

    assert trip.pay(session, CARD_SAYS_NO)["resultCode"] == "Refused"
    paid = trip.pay(session)
    held.confirm(session, paid["sessionResult"])

    trip.settle()
    assert held.operations == [
        ("SALE", "GATEWAY", "FAILED", TWO_ADULTS),
        ("SALE", "GATEWAY", "PROCESSED", TWO_ADULTS),
    ]
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}
    assert held.at_processor["captured"] == TWO_ADULTS
    assert Opening.objects.count() == 1


def test_refused_then_paid_in_a_new_session(trip):
    held = trip.hold()
    first = held.session
    trip.pay(first, CARD_SAYS_NO)

    second = told_of_the_refusal(trip, held, first)
    paid = trip.pay(second)
    held.confirm(second, paid["sessionResult"])

    trip.settle()
    assert second != first
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}
    assert held.at_processor["captured"] == TWO_ADULTS
    assert Opening.objects.filter(status="CLOSED").count() == 2


def test_the_old_session_is_paid_after_a_new_one_was_opened(trip):
    held = trip.hold()
    first = held.session
    trip.pay(first, CARD_SAYS_NO)
    told_of_the_refusal(trip, held, first)

    paid = trip.pay(first)
    held.confirm(first, paid["sessionResult"])

    trip.settle()
    assert held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}
    assert held.at_processor["captured"] == TWO_ADULTS
    assert held.cases == set()


def test_both_sessions_are_paid_and_the_second_payment_is_given_back_once(trip):
    held = trip.hold()
    first = held.session
    trip.pay(first, CARD_SAYS_NO)
    second = told_of_the_refusal(trip, held, first)
    paid = trip.pay(second)
    held.confirm(second, paid["sessionResult"])

    trip.pay(first)

    trip.until(lambda: held.at_processor["refunded"] == TWO_ADULTS, "the second payment going back")
    trip.settle()
    assert held.status == "CONFIRMED"
    assert held.books == {"RECEIVABLE>CLEARING": 2 * TWO_ADULTS, "CLEARING>RECEIVABLE": TWO_ADULTS}
    assert held.at_processor["captured"] == 2 * TWO_ADULTS
    assert held.at_processor["refunded"] == TWO_ADULTS
    assert len({request["idempotency_key"] for request in trip.requests("refund")}) == 1
    assert held.cases == {"OVERPAID"}
    assert held.read()["cardPayment"]["balance"] == 0


def test_the_second_hold_on_a_card_is_released_and_never_captured(trip):
    held = trip.hold(currency="USD")
    first = held.session
    trip.pay(first, CARD_SAYS_NO)
    second = told_of_the_refusal(trip, held, first)
    paid = trip.pay(second)
    held.confirm(second, paid["sessionResult"])

    trip.pay(first)

    trip.until(lambda: held.at_processor["cancelled"] == 10000, "the second hold being released")
    trip.settle()
    assert held.books == {"RECEIVABLE>CLEARING": 10000}
    assert (held.at_processor["captured"], held.at_processor["refunded"]) == (10000, 0)


def test_paid_in_the_old_session_after_the_price_rose(trip):
    held = trip.hold()
    old = held.session
    shown = held.change(unitItems=trip.octo.units(3))
    assert shown["cardPayment"]["balance"] == THREE_ADULTS

    trip.pay(old)
    trip.until(lambda: held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}, "the old session's money being booked")

    status, answer = held.ask_to_confirm()
    assert (status, answer["error"], answer["amount"]) == (400, "UNPROCESSABLE_ENTITY", THREE_ADULTS - TWO_ADULTS)
    assert held.status == "ON_HOLD"
    rest = held.session
    paid = trip.pay(rest)
    held.confirm(rest, paid["sessionResult"])
    trip.settle()
    assert held.books == {"RECEIVABLE>CLEARING": THREE_ADULTS}
    assert held.at_processor["captured"] == THREE_ADULTS


def test_paid_in_the_old_session_after_the_price_fell(trip):
    held = trip.hold(3)
    old = held.session
    held.change(unitItems=trip.octo.units(2))

    paid = trip.pay(old)
    held.confirm(old, paid["sessionResult"])

    trip.until(lambda: held.at_processor["refunded"] == THREE_ADULTS - TWO_ADULTS, "the difference going back")
    trip.settle()
    assert held.books == {"RECEIVABLE>CLEARING": THREE_ADULTS, "CLEARING>RECEIVABLE": THREE_ADULTS - TWO_ADULTS}
    assert held.at_processor["captured"] == THREE_ADULTS
    assert held.cases == {"OVERPAID"}


def test_two_confirms_at_once_make_one_capture(trip):
    held = trip.hold(currency="USD")
    session = held.session
    trip.pay(session)
    trip.until(lambda: held.payment.state == "AUTHORIZED", "the hold on the card being known")

    def confirm(_turn):
        try:
            return held.ask_to_confirm(session)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(confirm, range(2)))

    assert {status for status, _ in answers} <= {200, 400}
    assert all(body.get("error") in (None, "PAYMENT_PENDING") for _, body in answers)
    held.confirm(session)
    trip.settle()
    assert Transaction.objects.filter(kind="CAPTURE").count() == 1
    assert len(trip.requests("capture")) == 1
    assert held.books == {"RECEIVABLE>CLEARING": 10000}
    assert held.at_processor["captured"] == 10000


def told_of_the_refusal(trip, held, session):
    """Ask for the confirmation until the refusal is told, and return the new session."""

    def ask():
        status, body = held.ask_to_confirm(session)
        assert status == 400
        return body if body["error"] != "PAYMENT_PENDING" else None

    body = trip.until(ask, "the refusal being told")
    assert (body["error"], body["errorCode"]) == ("BAD_REQUEST", "CREDIT_LIMIT_EXCEEDED")
    assert held.books == {}
    fresh = held.session
    assert fresh != session
    return fresh
