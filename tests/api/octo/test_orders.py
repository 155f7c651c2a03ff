"""octo/cart: orders made, joined, paid by one card, changed, confirmed and cancelled as one."""

import uuid
from typing import Any

import pytest

from bookings.models import Availability, Booking, Order
from payments.models import Payment, Transaction
from tests.api.octo.shop import RETURN_URL, Octo, Shop
from tests.api.octo.test_budgets import cost_of

CART = "octo/pricing, octo/cart"
ALL = "octo/pricing, octo/cart, octo/cardPayments"


@pytest.fixture
def cart(shop) -> Octo:
    return shop.octo(ALL)


def ok(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def refused(answer: Any, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["error"]) == (400, code), answer.content
    body: dict[str, Any] = answer.json()
    return body


def two(shop: Shop, **fields: Any) -> dict[str, Any]:
    wishes = [shop.wish(2), shop.wish(1, availabilityId=shop.tour_slots[1])]
    return {"bookings": wishes, "contact": {"fullName": "Ada Byron", "emailAddress": "ada@example.com"}, **fields}


def test_an_order_of_two_bookings_is_paid_by_one_card_and_confirmed_at_once(shop, cart, guest):
    order = ok(cart.post("/orders", two(shop, returnUrl=RETURN_URL)))
    assert (order["status"], len(order["bookings"]), order["pricing"]["retail"]) == ("ON_HOLD", 2, 13500)
    assert order["cardPayment"]["balance"] == order["cardPayment"]["amount"] == 13500
    assert {booking["orderId"] for booking in order["bookings"]} == {order["id"]}
    assert "cardPayment" not in order["bookings"][0]
    path = f"/orders/{order['id']}"
    session = {"cardPayment": {"adyen": {"sessionId": order["cardPayment"]["adyen"]["session"]["id"]}}}

    refused(cart.post(f"{path}/confirm", {}), "UNPROCESSABLE_ENTITY")
    guest.pay(order)
    refused(cart.post(f"{path}/confirm", session), "PAYMENT_PENDING")
    guest.deliver()
    confirmed = ok(cart.post(f"{path}/confirm", session))

    assert (confirmed["status"], confirmed["utcExpiresAt"]) == ("CONFIRMED", None)
    assert {booking["status"] for booking in confirmed["bookings"]} == {"CONFIRMED"}
    assert {booking["contact"]["fullName"] for booking in confirmed["bookings"]} == {"Ada Byron"}
    assert all(booking["voucher"]["deliveryOptions"] for booking in confirmed["bookings"])
    assert (confirmed["cardPayment"]["paid"], confirmed["cardPayment"]["balance"]) == (13500, 0)
    assert ok(cart.post(f"{path}/confirm", session))["status"] == "CONFIRMED"
    assert ok(cart.get(path)) == confirmed
    assert (Payment.objects.count(), Transaction.objects.filter(kind="SALE").count()) == (1, 1)

    cancelled = ok(cart.post(f"{path}/cancel", {"reason": "Storm"}))

    assert cancelled["status"] == "CANCELLED"
    assert [(row.kind, row.amount_minor) for row in Transaction.objects.filter(kind="REFUND")] == [("REFUND", 13500)]


def test_cancelling_one_booking_of_a_paid_order_gives_back_its_price(shop, cart, guest):
    order = ok(cart.post("/orders", two(shop, returnUrl=RETURN_URL)))
    guest.pay(order)
    guest.deliver()
    ok(cart.post(f"/orders/{order['id']}/confirm", {}))

    ok(cart.post(f"/bookings/{order['bookings'][1]['uuid']}/cancel", {}))

    assert [row.amount_minor for row in Transaction.objects.filter(kind="REFUND")] == [4500]
    assert ok(cart.get(f"/orders/{order['id']}"))["status"] == "CONFIRMED"


def test_bookings_join_an_order_and_the_payment_follows(shop, cart, guest):
    order = ok(cart.post("/orders", {"currency": "EUR", "returnUrl": RETURN_URL}))
    assert (order["bookings"], order["confirmable"], order["pricing"]["retail"]) == ([], False, 0)
    assert order["cardPayment"]["balance"] == 0

    first = ok(cart.post("/bookings", shop.wish(2, orderId=order["id"])))
    second = ok(cart.post("/bookings", shop.wish(1, orderId=order["id"])))

    assert [first["primary"], second["primary"]] == [True, False]
    assert {first["orderId"], second["orderId"]} == {order["id"]}
    assert second["cardPayment"]["balance"] == 13500
    shown = ok(cart.get(f"/orders/{order['id']}"))
    assert [booking["uuid"] for booking in shown["bookings"]] == [first["uuid"], second["uuid"]]
    assert shown["cardPayment"]["adyen"]["session"] is not None
    alone = refused(cart.post(f"/bookings/{first['uuid']}/confirm", {}), "UNPROCESSABLE_ENTITY")
    assert alone["orderId"] == order["id"]


def test_an_order_paid_elsewhere_is_confirmed_whole(shop, cart):
    order = ok(cart.post("/orders", two(shop)))
    part = {"cardPayment": {"gateway": "external", "amount": 4500, "notes": "first half"}}
    rest = {"cardPayment": {"gateway": "external", "notes": "second half"}}

    held = ok(cart.post(f"/orders/{order['id']}/confirm", part))
    assert (held["status"], held["cardPayment"]["balance"]) == ("ON_HOLD", 9000)
    confirmed = ok(cart.post(f"/orders/{order['id']}/confirm", rest))

    assert {booking["status"] for booking in confirmed["bookings"]} == {"CONFIRMED"}


def test_all_or_nothing_is_held(shop, cart):
    Availability.objects.filter(starts_at=shop.tour_slots[1]).update(is_closed=True)

    refused(cart.post("/orders", two(shop)), "UNPROCESSABLE_ENTITY")

    assert (Order.objects.count(), Booking.objects.count(), Payment.objects.count()) == (0, 0, 0)


def test_a_booking_alone_is_an_order_of_one(shop, cart):
    booking = ok(cart.post("/bookings", shop.wish(2)))

    order = ok(cart.get(f"/orders/{booking['orderId']}"))

    assert [each["uuid"] for each in order["bookings"]] == [booking["uuid"]]
    assert order["cardPayment"] == ok(cart.get(f"/bookings/{booking['uuid']}"))["cardPayment"]


def test_a_preview_shows_the_change_and_writes_nothing(shop, cart):
    order = ok(cart.post("/orders", two(shop)))
    before = Order.objects.values().get()
    change = {"contact": {"fullName": "Grace Hopper"}, "returnUrl": RETURN_URL, "expirationMinutes": 90}

    shown = ok(cart.patch(f"/orders/{order['id']}/preview", change))

    assert (shown["contact"]["fullName"], shown["returnUrl"]) == ("Grace Hopper", RETURN_URL)
    assert shown["cardPayment"]["adyen"]["session"] is None
    assert Order.objects.values().get() == before
    assert {booking["utcExpiresAt"] for booking in shown["bookings"]} == {shown["utcExpiresAt"]}
    refused(cart.patch(f"/orders/{order['id']}/preview", {"currency": "USD"}), "BAD_REQUEST")
    refused(cart.patch(f"/orders/{order['id']}/preview", {"cardPayment": {"source": "MAIL"}}), "GATEWAY_INVALID_SOURCE")


def test_an_order_is_changed_and_extended(shop, cart, guest):
    order = ok(cart.post("/orders", two(shop)))

    changed = ok(cart.patch(f"/orders/{order['id']}", {"emailReceipt": True, "returnUrl": RETURN_URL}))
    extended = ok(cart.post(f"/orders/{order['id']}/extend", {"expirationMinutes": 60}))

    assert (changed["emailReceipt"], changed["returnUrl"]) == (True, RETURN_URL)
    assert changed["cardPayment"]["adyen"]["session"] is not None
    assert extended["utcExpiresAt"] > order["utcExpiresAt"]
    assert {booking["utcExpiresAt"] for booking in extended["bookings"]} == {extended["utcExpiresAt"]}


def test_orders_are_found_by_their_filters_only(shop, cart):
    order = ok(cart.post("/orders", two(shop)))
    ok(cart.post("/orders", {"currency": "EUR"}))
    day = {"utcCreatedAtStart": order["utcCreatedAt"][:10] + "T00:00:00Z", "utcCreatedAtEnd": "2099-01-01T00:00:00Z"}

    for query, count in (
        ({"supplierReference": order["supplierReference"]}, 1),
        ({"contactEmailAddress": "ADA@example.com"}, 1),
        ({"contactLastName": "Nobody"}, 0),
        (day, 2),
        ({**day, "page": "1", "perPage": "1"}, 1),
    ):
        found = cart.get("/orders", query).json()
        assert len(found) == count, query
        assert all("cardPayment" not in each and "returnUrl" not in each for each in found)
    refused(cart.get("/orders"), "ORDERS_FIELDS_REQUIRED")
    refused(cart.get("/orders", {"utcCreatedAtStart": "2026-01-01T00:00:00Z"}), "BAD_REQUEST")


def test_orders_are_their_partners_own_and_need_the_capability(shop, cart, octo):
    order = ok(cart.post("/orders", two(shop, orderId=str(uuid.uuid4()))))
    stranger, tester = Octo(shop.other_key, capabilities=ALL), Octo(shop.test_key, capabilities=ALL)

    for other in (stranger, tester):
        for method, route in (("GET", ""), ("PATCH", ""), ("POST", "/confirm"), ("POST", "/cancel"), ("DELETE", "")):
            body = refused(other.send(method, f"/orders/{order['id']}{route}"), "BAD_REQUEST")
            assert body["orderId"] == order["id"]
        body = refused(other.post("/bookings", shop.wish(1, orderId=order["id"])), "BAD_REQUEST")
        assert body["orderId"] == order["id"]
    assert ok(stranger.post("/orders", {"orderId": order["id"], "currency": "EUR"}))["bookings"] == []
    refused(octo.get(f"/orders/{order['id']}"), "BAD_REQUEST")
    assert "orderId" not in octo.get(f"/bookings/{order['bookings'][0]['uuid']}").json()
    assert refused(cart.get("/orders/not-a-uuid"), "BAD_REQUEST")["orderId"] == "not-a-uuid"


@pytest.mark.parametrize(
    "body",
    [
        {"quote": True},
        {},
        {"currency": "XXX"},
        {"orderId": "order-1", "currency": "EUR"},
        {"currency": "EUR", "settlementMethod": "BARTER"},
        {"currency": "EUR", "bookings": {}},
        {"currency": "EUR", "bookings": [{}]},
        {"currency": "EUR", "contact": {"emailAddress": "nobody"}},
        {"currency": "EUR", "returnUrl": "shop.example.com"},
        {"currency": "EUR", "expirationMinutes": 0},
    ],
)
def test_a_bad_order_is_refused_and_nothing_is_written(shop, cart, body):
    refused(cart.post("/orders", body), "BAD_REQUEST")

    assert Order.objects.count() == 0


def test_every_write_is_done_once_under_its_key(shop, cart):
    key = {"Idempotency_Key": "order-1"}

    first = ok(cart.post("/orders", two(shop), **key))
    again = cart.post("/orders", two(shop), **key)

    assert (ok(again), again.headers["Idempotent-Replayed"]) == (first, "true")
    assert Order.objects.count() == 1
    made = ok(cart.post("/orders", {"currency": "EUR", "orderId": str(uuid.uuid4())}))
    assert ok(cart.post("/orders", {"currency": "EUR", "orderId": made["id"]}))["id"] == made["id"]
    assert (
        refused(cart.post("/orders", {"currency": "USD", "orderId": made["id"]}), "BAD_REQUEST")["orderId"]
        == made["id"]
    )


def test_reading_an_order_costs_the_same_for_one_booking_or_five(shop, cart):
    costs = []
    for count in (1, 5):
        order = ok(cart.post("/orders", {"bookings": [shop.wish(1) for _ in range(count)]}))
        _, reading = cost_of(lambda: cart.get(f"/orders/{order['id']}"))  # noqa: B023
        _, listing = cost_of(lambda: cart.get("/orders", {"supplierReference": order["supplierReference"]}))  # noqa: B023
        costs.append((reading, listing))

    assert costs[0] == costs[1]
    assert costs[0][0] <= 13
    assert costs[0][1] <= 5


def test_confirming_an_order_costs_the_same_for_one_booking_or_five(shop):
    cart = shop.octo(CART)
    costs = []
    for count in (1, 5):
        wish = {"bookings": [shop.wish(1) for _ in range(count)], "settlementMethod": "VOUCHER"}
        order = ok(cart.post("/orders", wish))
        costs.append(cost_of(lambda: cart.post(f"/orders/{order['id']}/confirm", {}))[1])  # noqa: B023

    assert costs[0] == costs[1] <= 20
