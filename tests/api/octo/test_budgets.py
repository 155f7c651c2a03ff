"""What the calls that matter cost in queries: the same for 1 or 20 units and for 10 or 10,000 old bookings."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from payments.models import Opening
from tests.api.octo.shop import CARDS, CORE, GIFTS, RETURN_URL, Shop

RESERVE_BUDGET = 15
CONFIRM_BUDGET = 20
# Of these what is paid, and what is held and captured by the confirmation.
PAID_CONFIRM_BUDGET = 11
CAPTURING_CONFIRM_BUDGET = 19
READ_BUDGET = 12
LIST_BUDGET = 4
GIFT_BUDGET = 25
# A confirm, and beside it: finding, spending and booking the gift, and telling bookings of it.
PAID_BY_GIFT_BUDGET = 42
# What opens, ends and marks a transaction is no query.
_TRANSACTION_CONTROL = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK", "BEGIN", "COMMIT")


def cost_of(call: Callable[[], Any]) -> tuple[dict[str, Any], int]:
    """Return what a call answered, and how many queries it took."""
    with CaptureQueriesContext(connection) as captured:
        answer = call()
    assert answer.status_code == 200, answer.content
    return answer.json(), sum(not query["sql"].startswith(_TRANSACTION_CONTROL) for query in captured)


def many_old_bookings(shop: Shop, numbers: range) -> None:
    """Copy one old booking many times, with its order, customer and ticket."""
    booking = shop.stored(shop.reserve(adults=1))
    customer = booking.order.customer
    assert customer is not None
    order_id, customer_id, booking_id, uuid = (f"md5('{name}' || n)::uuid" for name in ("o", "c", "b", "u"))
    number = "10000000 + n"
    _copy(customer, numbers, id=customer_id, number=number)
    _copy(booking.order, numbers, id=order_id, uuid=order_id, reference="'OR-' || n", customer_id=customer_id)
    fresh = {"id": booking_id, "uuid": uuid, "number": number, "reference": "'BK-' || n", "order_id": order_id}
    _copy(booking, numbers, **fresh)
    _copy(booking.unit_items.get(), numbers, id="DEFAULT", uuid="gen_random_uuid()", booking_id=booking_id)


def _copy(row: Model, numbers: range, **fresh: str) -> None:
    """Insert a row again for each number `n`, with columns that are told in SQL."""
    table, columns = row._meta.db_table, [field.column for field in row._meta.concrete_fields]
    columns = [column for column in columns if fresh.get(column) != "DEFAULT"]
    values = ", ".join(fresh.get(column, f"old.{column}") for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} old, generate_series(%s, %s) n"
            " WHERE old.id = %s",
            [numbers[0], numbers[-1], row.pk],
        )
        cursor.execute(f"ANALYZE {table}")


def paid(shop: Shop, guest: Any, *, adults: int, currency: str = "EUR") -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a booking that a guest paid, and the body that confirms it."""
    booking = shop.reserve(shop.octo(CARDS), adults=adults, returnUrl=RETURN_URL, currency=currency)
    brought = {
        "sessionId": booking["cardPayment"]["adyen"]["session"]["id"],
        "sessionResult": guest.pay(booking)["sessionResult"],
    }
    guest.deliver()
    body = {"contact": {"fullName": "Ada Byron"}, "cardPayment": {"adyen": brought}}
    return booking, body


@pytest.mark.parametrize("capabilities", [CORE, CARDS])
def test_reserve_and_read_cost_the_same_for_one_or_twenty_units(shop, capabilities):
    octo = shop.octo(capabilities)

    costs = []
    for adults in (1, 20):
        booking, reserving = cost_of(lambda: octo.post("/bookings", shop.wish(adults)))  # noqa: B023
        _, reading = cost_of(lambda: octo.get(f"/bookings/{booking['uuid']}"))  # noqa: B023
        costs.append((reserving, reading))

    assert costs[0] == costs[1]
    assert costs[0][0] <= RESERVE_BUDGET
    assert costs[0][1] <= READ_BUDGET


@pytest.mark.parametrize("method", ["VOUCHER", "DEFERRED"])
def test_confirm_costs_the_same_for_one_or_twenty_units(shop, octo, method):
    costs = []
    for adults in (1, 20):
        path = f"/bookings/{shop.reserve(octo, adults=adults, settlementMethod=method)['uuid']}/confirm"
        costs.append(cost_of(lambda: octo.post(path, {"contact": {"fullName": "Ada Byron"}}))[1])  # noqa: B023

    assert costs[0] == costs[1]
    assert costs[0] <= CONFIRM_BUDGET


@pytest.mark.django_db(transaction=True)
def test_reserve_with_a_session_and_confirm_of_a_paid_booking_stay_within_budget(shop, cards, guest):
    costs = []
    for adults in (1, 20):
        _, reserving = cost_of(lambda: cards.post("/bookings", shop.wish(adults, returnUrl=RETURN_URL)))  # noqa: B023
        booking, body = paid(shop, guest, adults=adults)
        confirmed, confirming = cost_of(lambda: cards.post(f"/bookings/{booking['uuid']}/confirm", body))  # noqa: B023
        assert confirmed["status"] == "CONFIRMED"
        costs.append((reserving, confirming))

    assert Opening.objects.filter(status="OPEN").exists()
    assert costs[0] == costs[1]
    assert costs[0][0] <= RESERVE_BUDGET
    assert costs[0][1] <= PAID_CONFIRM_BUDGET


@pytest.mark.django_db(transaction=True)
def test_a_confirmation_that_takes_the_money_itself_costs_the_same_for_one_or_twenty_units(shop, cards, guest):
    elsewhere = {
        "contact": {"fullName": "Ada Byron"},
        "cardPayment": {"gateway": "external", "notes": "Till 3 slip 88121", "external": {}},
    }
    costs = []
    for adults in (1, 20):
        held, body = paid(shop, guest, adults=adults, currency="USD")
        unpaid = shop.reserve(cards, adults=adults)
        with CaptureQueriesContext(connection) as statements:
            captured, capturing = cost_of(lambda: cards.post(f"/bookings/{held['uuid']}/confirm", body))  # noqa: B023
            recorded, recording = cost_of(lambda: cards.post(f"/bookings/{unpaid['uuid']}/confirm", elsewhere))  # noqa: B023
        assert not any("SAVEPOINT" in query["sql"] for query in statements)  # they would be statements like others
        assert (captured["status"], recorded["status"]) == ("CONFIRMED", "CONFIRMED")
        costs.append((capturing, recording))

    assert costs[0] == costs[1]
    assert costs[0][0] <= CAPTURING_CONFIRM_BUDGET
    assert costs[0][1] <= CONFIRM_BUDGET


def test_gifts_cost_little_and_a_list_of_them_as_much_as_one(shop):
    octo, wish = shop.octo(GIFTS), {"amount": 6000, "currency": "EUR", "resellerReference": "R-1"}

    gift, creating = cost_of(lambda: octo.post("/gifts", wish))
    _, reading = cost_of(lambda: octo.get(f"/gifts/{gift['uuid']}"))
    costs = []
    for _ in range(2):
        for _ in range(10):
            octo.post("/gifts", wish)
        costs.append(cost_of(lambda: octo.get("/gifts", {"resellerReference": "R-1"}))[1])

    assert creating <= GIFT_BUDGET
    # One more than a booking: what gifts paid for it.
    assert reading <= READ_BUDGET + 1
    assert costs[0] == costs[1] <= LIST_BUDGET


def test_paying_with_a_gift_costs_the_same_for_one_or_twenty_units(shop):
    octo = shop.octo(GIFTS)
    costs = []
    for adults in (1, 20):
        gift = octo.post("/gifts", {"amount": 400_000, "currency": "EUR", "settlementMethod": "VOUCHER"}).json()
        sold = octo.post(f"/gifts/{gift['uuid']}/confirm", {}).json()
        code = sold["voucher"]["deliveryOptions"][0]["deliveryValue"]
        path = f"/bookings/{shop.reserve(octo, adults=adults)['uuid']}/confirm"
        confirmed, cost = cost_of(lambda: octo.post(path, {"giftPayment": {"code": code}}))  # noqa: B023
        assert confirmed["status"] == "CONFIRMED"
        costs.append(cost)

    assert costs[0] == costs[1] <= PAID_BY_GIFT_BUDGET


def test_old_bookings_cost_nothing(shop, octo, cards):
    def costs() -> list[int]:
        booking, reserving = cost_of(lambda: cards.post("/bookings", shop.wish(2)))
        free = shop.reserve(octo, settlementMethod="VOUCHER", resellerReference="R-9")
        confirming = cost_of(lambda: octo.post(f"/bookings/{free['uuid']}/confirm", {}))[1]
        reading = cost_of(lambda: cards.get(f"/bookings/{booking['uuid']}"))[1]
        listing = cost_of(lambda: cards.get("/bookings", {"resellerReference": "R-9"}))[1]
        return [reserving, confirming, reading, listing]

    many_old_bookings(shop, range(10))
    few = costs()
    many_old_bookings(shop, range(10, 10_000))

    assert costs() == few


def test_lists_cost_the_same_for_few_and_many(shop, octo):
    costs = []
    for _ in range(2):
        for _ in range(10):
            shop.reserve(octo, resellerReference="R-1", adults=3)
        found, cost = cost_of(lambda: octo.get("/bookings", {"resellerReference": "R-1"}))
        costs.append(cost)

    assert len(found) == 20
    assert costs[0] == costs[1] <= LIST_BUDGET


@pytest.mark.parametrize(("path", "most"), [("/supplier", 2), ("/whoami", 2), ("/capabilities", 1), ("/products", 5)])
def test_the_catalogue_costs_little(octo, path, most):
    assert cost_of(lambda: octo.get(path))[1] <= most


def test_availability_costs_the_same_for_a_day_or_a_year(shop, octo):
    wish = {"productId": str(shop.tour.pk), "optionId": "DEFAULT", "localDateStart": shop.first_day.isoformat()}
    ends = [(shop.first_day + timedelta(days=days)).isoformat() for days in (0, 365)]

    for path in ("/availability", "/availability/calendar"):
        costs = [cost_of(lambda: octo.post(path, {**wish, "localDateEnd": end}))[1] for end in ends]  # noqa: B023

        assert costs[0] == costs[1] <= 6
