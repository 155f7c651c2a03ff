"""Orders with several things in them, over HTTP with a real worker: one card, gifts beside it, many clients."""

import threading
from typing import Any

from api.models import IdempotentRequest
from bookings.models import Booking, Gift
from payments.models import Transaction
from tests.faults.partner import session_of

ALL = "octo/pricing, octo/cardPayments, octo/cart, octo/gifts"
TWO_ADULTS = 9000


def ask(trip, method: str, path: str, body: Any = None, **headers: str) -> Any:
    answer = trip.octo.send(method, path, body, Octo_Capabilities=ALL, **headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def confirm(trip, path: str, body: dict[str, Any]) -> Any:
    """Ask for the confirmation until it is given, as partners do after PAYMENT_PENDING."""

    def attempt() -> Any:
        answer = trip.octo.send("POST", f"{path}/confirm", body, Octo_Capabilities=ALL)
        assert answer.status_code == 200 or answer.json()["error"] == "PAYMENT_PENDING", answer.text
        return answer.json() if answer.status_code == 200 else None

    return trip.until(attempt, "the confirmation")


def test_two_bookings_and_a_gift_are_paid_by_one_card_and_confirmed_together(trip):
    wish = {"bookings": [trip.octo.wish(2), trip.octo.wish(1)], "gifts": [{"amount": 6000, "currency": "EUR"}]}
    order = ask(trip, "POST", "/orders", {**wish, "returnUrl": "https://shop.example.com/return"})
    assert order["cardPayment"]["balance"] == TWO_ADULTS + 4500 + 6000
    session = session_of(order)

    paid = trip.pay(session)
    evidence = {"sessionId": session, "sessionResult": paid["sessionResult"]}
    confirmed = confirm(trip, f"/orders/{order['id']}", {"cardPayment": {"adyen": evidence}})

    assert confirmed["status"] == "CONFIRMED"
    assert [row["status"] for row in (*confirmed["bookings"], *confirmed["gifts"])] == ["CONFIRMED"] * 3
    assert confirmed["gifts"][0]["voucher"]["deliveryOptions"]
    trip.settle()
    assert [(row.kind, row.amount_minor) for row in Transaction.objects.all()] == [("SALE", 19500)]


def test_a_gift_and_a_card_pay_a_booking_and_its_cancellation_gives_both_back(trip):
    gift = ask(trip, "POST", "/gifts", {"amount": 5000, "currency": "EUR", "settlementMethod": "VOUCHER"})
    sold = ask(trip, "POST", f"/gifts/{gift['uuid']}/confirm")
    code = sold["voucher"]["deliveryOptions"][0]["deliveryValue"]
    booking = ask(trip, "POST", "/bookings", trip.octo.wish(2, giftPayment={"code": code}))
    assert (booking["giftPayment"]["amount"], booking["cardPayment"]["balance"]) == (5000, 4000)
    session = session_of(booking)

    trip.pay(session)
    confirm(trip, f"/bookings/{booking['uuid']}", {"cardPayment": {"adyen": {"sessionId": session}}})
    assert Gift.objects.get().status == "REDEEMED"
    ask(trip, "POST", f"/bookings/{booking['uuid']}/cancel", {"reason": "rain"})

    trip.settle()
    assert sorted(Transaction.objects.values_list("kind", "amount_minor")) == [("REFUND", 4000), ("SALE", 4000)]
    assert (Gift.objects.get().status, Gift.objects.get().spent_minor) == ("CONFIRMED", 0)


def test_an_order_that_is_half_paid_is_kept_when_its_hold_runs_out_and_confirmed_with_the_rest(trip):
    held = trip.hold(2)
    session = held.session
    trip.pay(session)
    trip.until(lambda: held.payment.state == "CAPTURED", "the money being known")
    held.change(unitItems=trip.octo.units(3))
    held.let_the_hold_run_out()

    trip.until(lambda: held.order.expires_at > trip.now(), "the hold being kept")

    assert held.read()["cardPayment"]["balance"] == 4500
    trip.pay(held.session)
    trip.until(lambda: held.order.money_in_minor == 13500, "the rest being known")
    held.confirm()
    assert Transaction.objects.filter(kind="REFUND").count() == 0


def test_the_same_confirm_from_eight_clients_is_one_charge_and_eight_equal_answers(trip):
    held = trip.hold(currency="USD")
    session = held.session
    trip.pay(session)
    trip.until(lambda: held.payment.state == "AUTHORIZED", "the hold on the card being known")
    gate, answers = threading.Barrier(8), []

    def one() -> None:
        gate.wait()
        answers.append(trip.octo.confirm(held.uuid, session=session))

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # One of them captures; whoever comes meanwhile is told to repeat, and then hears the same as all.
    assert {answer.status_code for answer in answers} <= {200, 400}
    assert {answer.json()["error"] for answer in answers if answer.status_code == 400} <= {"PAYMENT_PENDING"}
    shown = [held.confirm(session) for _ in range(8)]
    assert all(each == shown[0] for each in shown)
    trip.settle()
    assert [row.amount_minor for row in Transaction.objects.filter(kind="CAPTURE")] == [10000]


def test_a_key_whose_server_was_killed_in_the_middle_is_taken_up_by_the_next(trip, settings):
    wish = trip.octo.wish(2)
    first = trip.octo.send("POST", "/bookings", wish, Idempotency_Key="r-1")
    assert first.status_code == 200
    # As a process leaves it that died after its booking was committed and before its key was finished.
    IdempotentRequest.objects.update(status_code=None, subject="", finished_at=None, claimed_until=trip.now())

    again = trip.octo.send("POST", "/bookings", wish, Idempotency_Key="r-1")

    assert (again.status_code, again.json()["uuid"]) == (200, first.json()["uuid"])
    assert Booking.objects.count() == 1
    trip.octo.send("POST", f"/bookings/{wish['uuid']}/cancel")
