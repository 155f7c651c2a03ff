"""Every refusal of a paying route says whether money moved, until when a retry is safe, and when to ask again."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from tests.api.octo.shop import CORE, RETURN_URL

pytestmark = pytest.mark.django_db(transaction=True)


def told(answer):
    assert answer.status_code >= 400, answer.content
    return answer.json()["money"]


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def nothing(currency="EUR"):
    precision = 2 if currency else None
    return {
        "moved": "no",
        "amount": 0,
        "currency": currency,
        "currencyPrecision": precision,
        "retrySafeUntil": None,
        "askAgainAt": None,
    }


def test_a_booking_that_was_refused_moved_nothing(shop, cards):
    assert told(cards.post("/bookings", shop.wish(1, unitItems=[]))) == nothing(None)
    booking = shop.reserve(cards)
    path = f"/bookings/{booking['uuid']}"

    assert told(cards.post(f"{path}/confirm", {})) == nothing()
    assert told(cards.patch(path, {"unitItems": []})) == nothing()
    assert told(cards.post("/bookings/not-a-uuid/confirm", {})) == nothing(None)
    refused = {"gateway": "external", "notes": "no", "external": {"approved": False}}
    assert told(cards.post(f"{path}/confirm", {"cardPayment": refused})) == nothing()


def test_what_was_paid_in_part_is_told(shop, cards):
    booking = shop.reserve(cards)
    path = f"/bookings/{booking['uuid']}/confirm"
    cards.post(path, {"cardPayment": {"gateway": "external", "amount": 4000, "notes": "first half"}})

    money = told(cards.post(path, {}))

    assert (money["moved"], money["amount"]) == ("yes", 4000)


def test_a_payment_that_nobody_has_decided_is_unknown_until_it_is_asked_about(shop, cards, guest):
    booking = shop.reserve(cards, returnUrl=RETURN_URL)
    guest.pay(booking)
    body = {"cardPayment": {"adyen": {"sessionId": booking["cardPayment"]["adyen"]["session"]["id"]}}}
    before = timezone.now()

    answer = cards.post(f"/bookings/{booking['uuid']}/confirm", body, Idempotency_Key="c-1")

    money = told(answer)
    assert (answer.json()["error"], money["moved"]) == ("PAYMENT_PENDING", "unknown")
    assert before < moment(money["askAgainAt"]) <= timezone.now() + timedelta(seconds=answer.json()["retryAfter"])
    assert before + timedelta(days=30) - timedelta(seconds=1) <= moment(money["retrySafeUntil"])
    guest.deliver()
    assert cards.post(f"/bookings/{booking['uuid']}/confirm", body, Idempotency_Key="c-1").status_code == 200


def test_money_that_came_after_the_hold_ran_out_is_told(shop, cards, guest, settings):
    booking = shop.reserve(cards, returnUrl=RETURN_URL)
    guest.pay(booking)
    guest.deliver()
    row = shop.stored(booking)
    type(row).objects.filter(pk=row.pk).update(status="CANCELLED", seats_held=0)
    type(row.order).objects.filter(pk=row.order_id).update(status="CANCELLED")

    money = told(cards.post(f"/bookings/{booking['uuid']}/confirm", {}))

    assert (money["moved"], money["amount"]) == ("yes", 9000)


def test_a_fault_of_ours_on_an_order_that_is_not_known_yet_is_unknown(shop, cards, monkeypatch):
    def broken(**_):
        raise RuntimeError("the roof is gone")

    monkeypatch.setattr("payments.services.reserving.reserve_booking", broken)

    answer = cards.post("/bookings", shop.wish(1))

    assert (answer.status_code, told(answer)["moved"]) == (500, "unknown")


def test_a_body_that_cannot_be_read_moved_nothing(shop):
    octo = shop.octo("octo/cardPayments, octo/cart, octo/gifts")

    for path in ("/bookings", "/orders", "/gifts"):
        for body in ("{", "[1]", '"text"', '{"orderId": 1}', '{"orderId": "\\u0000"}'):
            assert told(octo.send("POST", path, body)) == nothing(None), (path, body)


def test_who_takes_no_cards_and_who_only_reads_is_told_nothing(shop, octo, cards):
    assert "money" not in shop.octo(CORE).post("/bookings", shop.wish(1, unitItems=[])).json()
    assert "money" not in cards.get("/bookings/not-a-uuid").json()


def test_the_money_of_a_gift_and_of_an_order_to_join_is_told(shop):
    octo = shop.octo("octo/pricing, octo/cardPayments, octo/gifts, octo/cart")
    gift = octo.post("/gifts", {"amount": 6000, "currency": "EUR"}).json()
    path = f"/gifts/{gift['uuid']}/confirm"
    octo.post(path, {"cardPayment": {"gateway": "external", "amount": 4000, "notes": "first part"}})

    alone = told(octo.post(path, {}))
    joining = told(octo.post("/bookings", shop.wish(1, unitItems=[], orderId=gift["orderId"])))

    assert {(money["moved"], money["amount"]) for money in (alone, joining)} == {("yes", 4000)}
