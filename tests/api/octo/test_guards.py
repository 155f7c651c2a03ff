"""What a reader once broke: money that could be taken back, answers that said no while nobody knew, two at once."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from bookings.models import Booking
from money import Money
from payments.models import AccountRoute, Opening, Payment, SurchargeRule, Transaction
from payments.selectors import order_money
from payments.services import aftercare
from tests.api.octo.shop import CARDS, GIFTS_IN_CART, RETURN_URL, Octo, Shop


@pytest.fixture
def octo(shop) -> Octo:
    return shop.octo(GIFTS_IN_CART)


def ok(answer: Any) -> Any:
    assert answer.status_code == 200, answer.content
    return answer.json()


def sold_gift(octo: Octo, amount: int) -> str:
    """Return the code of a gift of so much."""
    gift = ok(octo.post("/gifts", {"amount": amount, "currency": "EUR", "settlementMethod": "VOUCHER"}))
    sold = ok(octo.post(f"/gifts/{gift['uuid']}/confirm", {}))
    code: str = sold["voucher"]["deliveryOptions"][0]["deliveryValue"]
    return code


@pytest.mark.django_db
def test_nothing_of_a_paid_order_is_confirmed_alone(shop, octo):
    order = ok(octo.post("/orders", {"bookings": [shop.wish(1), shop.wish(1)]}))
    paid = {"cardPayment": {"gateway": "external", "amount": 9000, "notes": "till 1"}}
    assert ok(octo.patch(f"/orders/{order['orderId']}", paid))["cardPayment"]["balance"] == 0

    answer = octo.post(f"/bookings/{order['bookings'][0]['uuid']}/confirm", {})

    assert (answer.status_code, answer.json()["error"]) == (400, "UNPROCESSABLE_ENTITY")
    assert set(Booking.objects.values_list("status", flat=True)) == {"ON_HOLD"}


@pytest.mark.django_db
def test_what_is_left_of_a_payment_from_elsewhere_is_taken_back(shop, octo):
    booking = shop.reserve(octo, 2, cardPayment={"gateway": "external", "amount": 9000, "notes": "till"})
    path = f"/bookings/{booking['uuid']}"
    ok(octo.patch(path, {"unitItems": [{"unitId": str(shop.adult.pk)}]}))

    ok(octo.patch(path, {"cardPayment": {"gateway": "external", "cancel": True}}))

    money = order_money(shop.stored(booking).order)
    assert money.money_in_minor - money.returning_minor == 0
    assert sorted(Transaction.objects.filter(kind="REFUND").values_list("amount_minor", flat=True)) == [4500, 4500]


def reported(shop: Shop) -> tuple[Octo, str]:
    """Return a client and a booking's path whose session its partner says was paid, and nobody else knows of."""
    cards = shop.octo(CARDS)
    booking = shop.reserve(cards)
    payment = Payment.objects.get(order=shop.stored(booking).order)
    now = timezone.now()
    Opening.objects.create(
        payment=payment, account=payment.account, reference="cpo_1", idempotency_key="cpo_1", gateway_reference="CS1",
        status="OPEN", amount_minor=9000, currency="EUR", return_url=RETURN_URL, expires_at=now + timedelta(hours=1),
        created_at=now,
    )  # fmt: skip
    path = f"/bookings/{booking['uuid']}"
    said = cards.post(f"{path}/confirm", {"cardPayment": {"adyen": {"sessionId": "CS1"}}}).json()
    assert (said["error"], said["money"]["moved"]) == ("PAYMENT_PENDING", "unknown")
    return cards, path


@pytest.mark.django_db
def test_a_session_that_was_reported_as_paid_is_unknown_whatever_is_asked_next(shop):
    cards, path = reported(shop)

    changed = cards.patch(path, {"cardPayment": {"currency": "USD"}}).json()
    confirmed = cards.post(f"{path}/confirm", {}).json()

    assert changed["money"]["moved"] == "unknown"
    assert (confirmed["error"], confirmed["money"]["moved"]) == ("PAYMENT_PENDING", "unknown")


@pytest.mark.django_db(transaction=True)
def test_a_session_that_was_refused_and_then_paid_is_confirmed_under_the_same_key(shop, guest):
    cards = shop.octo(CARDS)
    booking = shop.reserve(cards, returnUrl=RETURN_URL)
    body = {"cardPayment": {"adyen": {"sessionId": booking["cardPayment"]["adyen"]["session"]["id"]}}}
    path = f"/bookings/{booking['uuid']}/confirm"
    guest.pay(booking, holder="DECLINED")
    guest.deliver()
    refused = cards.post(path, body, Idempotency_Key="c-1")
    assert (refused.status_code, refused.json()["errorCode"]) == (400, "TRANSACTION_DECLINED")
    guest.pay(booking)
    guest.deliver()

    assert ok(cards.post(path, body, Idempotency_Key="c-1"))["status"] == "CONFIRMED"


@pytest.mark.django_db
def test_a_cancelled_gift_gives_its_surcharge_back_though_staff_gave_the_price(shop, octo):
    route = AccountRoute.objects.get(partner=shop.partner, account__slug="external", is_live=True)
    SurchargeRule.objects.create(route=route, currency="EUR", source="", percent_basis_points=1000)
    paid = {"gateway": "external", "notes": "till 7"}
    gift = ok(octo.post("/gifts", {"amount": 5000, "currency": "EUR", "cardPayment": paid}))
    ok(octo.post(f"/gifts/{gift['uuid']}/confirm", {}))
    payment = Payment.objects.get(captured_minor=5500)
    aftercare.refund_payment(
        payment=payment, money=Money(5000, "EUR"), reason="goodwill", requested_by="ada", clock=timezone.now
    )

    ok(octo.post(f"/gifts/{gift['uuid']}/cancel", {}))

    refunds = Transaction.objects.filter(kind="REFUND").values_list("amount_minor", "surcharge_minor")
    assert sorted(refunds) == [(500, 500), (5000, 0)]


@pytest.mark.django_db
def test_lists_leave_out_nothing_but_the_card_payment(shop, octo):
    code = sold_gift(octo, 4500)
    booking = shop.reserve(octo, 2, giftPayment={"code": code}, resellerReference="R-1")

    (listed,) = octo.get("/bookings", {"resellerReference": "R-1"}).json()
    (order,) = octo.get("/orders", {"supplierReference": booking["orderReference"]}).json()

    assert set(booking) - set(listed) == {"cardPayment", "returnUrl"}
    assert listed["giftPayment"] == order["giftPayment"] == booking["giftPayment"]


@pytest.mark.django_db(transaction=True)
def test_two_bookings_paid_by_the_same_two_gifts_are_cancelled_at_once(shop, octo):
    one_unit = [{"unitId": str(shop.adult.pk)}]
    for _ in range(3):
        codes = [sold_gift(octo, 9000) for _ in range(2)]
        uuids = []
        for slot, (first, second) in enumerate((codes, codes[::-1])):
            booking = shop.reserve(octo, 2, availabilityId=shop.tour_slots[slot])
            path = f"/bookings/{booking['uuid']}"
            ok(octo.patch(path, {"unitItems": one_unit, "giftPayment": {"code": first}}))
            both = ok(octo.patch(path, {"unitItems": one_unit * 2, "giftPayment": {"code": second}}))
            assert both["giftPayment"]["amount"] == 9000
            ok(octo.post(f"{path}/confirm", {}))
            uuids.append(booking["uuid"])

        assert cancelled_at_once(shop, uuids) == [200, 200]


def cancelled_at_once(shop: Shop, uuids: list[str]) -> list[int]:
    """Cancel bookings on connections of their own and return the statuses."""
    gate, statuses = threading.Barrier(len(uuids)), []

    def cancel(uuid: str) -> None:
        gate.wait()
        statuses.append(shop.octo(GIFTS_IN_CART).post(f"/bookings/{uuid}/cancel", {}).status_code)
        connections.close_all()

    threads = [threading.Thread(target=cancel, args=(uuid,)) for uuid in uuids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses
