"""Bookings and customers are readable, lists come in pages, and each read costs the same however much there is."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payments.models import Payment, Transaction
from tests.api.resource.desk import XML

GET_PAYMENT_BUDGET = 3
GET_BOOKING_BUDGET = 7
LIST_BUDGET = 5
POST_BUDGET = 40
# What opens, ends and marks a transaction is no query.
_TRANSACTION_CONTROL = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK", "BEGIN", "COMMIT")


def cost_of(call: Any) -> tuple[Any, int]:
    """Return what a call answered, and how many queries it took."""
    with CaptureQueriesContext(connection) as captured:
        answer = call()
    assert answer.status_code in (200, 201), answer.content
    return answer.json(), sum(not query["sql"].startswith(_TRANSACTION_CONTROL) for query in captured)


def attempts(booking, count: int) -> list[Transaction]:
    """Let a guest's card be refused so many times."""
    now = timezone.now()
    payment = Payment.objects.get(order=booking.order)
    return Transaction.objects.bulk_create(
        Transaction(
            payment=payment,
            order=booking.order,
            account=payment.account,
            kind="SALE",
            origin="GATEWAY",
            status="FAILED",
            error_code="TRANSACTION_DECLINED",
            amount_minor=100 + index,
            currency="EUR",
            reference=f"tx_{booking.number}_{index}_{count}",
            requested_at=now,
            decided_at=now,
        )
        for index in range(count)
    )


def test_a_booking_is_shown_with_its_money(desk):
    booking = desk.booking(resellerReference="R-1001", settlementMethod="DEPOSIT")
    travels = booking.availability.local_date.isoformat()

    for path in (f"/bookings/{booking.number}", f"/bookings/{booking.number}/"):
        answer = desk.get(path)
        assert answer.status_code == 200
        assert answer.json() == {
            "id": str(booking.number),
            "href": f"{desk.base}/bookings/{booking.number}",
            "status": "ON_HOLD",
            "external_id": "R-1001",
            "currency": "EUR",
            "date_created": booking.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "date_closed": None,
            "balance_due_date": booking.balance_due_date.isoformat() if booking.balance_due_date else None,
            "date_of_first_travel": travels,
            "date_of_last_travel": travels,
            "amount_paid": "0.00",
            "amount_owing": "90.00",
            "amount_pending": "0.00",
            "commission": "13.50",
            "tax_on_commission": None,
            "customer": {
                "id": str(booking.order.customer.number),
                "href": f"{desk.base}/customers/{booking.order.customer.number}",
            },
            "customers": {"href": f"{desk.base}/bookings/{booking.number}/customers"},
            "payments": {"href": f"{desk.base}/bookings/{booking.number}/payments"},
            "refunds": {"href": f"{desk.base}/bookings/{booking.number}/refunds"},
        }


def test_a_cancelled_booking_owes_nothing_and_has_a_day(desk):
    booking = desk.booking()
    desk.shop.octo().post(f"/bookings/{booking.uuid}/cancel", {"reason": "Ill"})

    shown = desk.get(f"/bookings/{booking.number}").json()

    assert (shown["status"], shown["amount_owing"]) == ("CANCELLED", "0.00")
    assert shown["date_closed"] == timezone.now().date().isoformat()


def test_a_customer_is_shown_with_the_bookings(desk):
    contact = {"fullName": "Ada Augusta Byron", "emailAddress": "ada@example.com", "phoneNumber": "+44 20 7946 0018"}
    booking = desk.booking(contact=contact)
    number = booking.order.customer.number

    for path in (f"/customers/{number}", f"/customers/{number}/"):
        answer = desk.get(path)
        assert answer.status_code == 200
        assert answer.json() == {
            "id": str(number),
            "href": f"{desk.base}/customers/{number}",
            "name": {
                "legal_first_name": "Ada Augusta",
                "legal_middle_name": None,
                "legal_last_name": "Byron",
                "common_name": "Ada Augusta Byron",
                "title": None,
            },
            "date_of_birth": None,
            "nationality": None,
            "gender": "UNKNOWN",
            "account_email": "ada@example.com",
            "phone_numbers": [{"number": "+44 20 7946 0018"}],
            "bookings": {"href": f"{desk.base}/customers/{number}/bookings"},
        }
    listed = desk.get(f"/customers/{number}/bookings").json()
    assert listed["results"] == [
        {"id": str(booking.number), "href": f"{desk.base}/bookings/{booking.number}", "status": "ON_HOLD"}
    ]
    owners = desk.get(f"/bookings/{booking.number}/customers/").json()
    assert owners["results"] == [{"id": str(number), "href": f"{desk.base}/customers/{number}"}]
    assert b"<phone_numbers><phone_number><number>+44" in desk.get(f"/customers/{number}", Accept=XML).content


def test_a_list_is_walked_by_its_links(desk):
    booking = desk.booking()
    attempts(booking, 5)
    home = f"{desk.base}/bookings/{booking.number}/payments"

    first = desk.get(f"/bookings/{booking.number}/payments?max_per_page=2").json()
    middle = desk.get(f"/bookings/{booking.number}/payments/?page=2&max_per_page=2").json()
    last = desk.get(f"/bookings/{booking.number}/payments/?page=3&max_per_page=2").json()
    beyond = desk.get(f"/bookings/{booking.number}/payments/?page=4").json()

    def link(rel: str, page: int) -> dict[str, str]:
        return {"rel": rel, "href": f"{home}/?page={page}&max_per_page=2"}

    assert [row["amount"] for page in (first, middle, last) for row in page["results"]] == [
        "1.00", "1.01", "1.02", "1.03", "1.04",
    ]  # fmt: skip
    assert {(page["count"], page["max_per_page"]) for page in (first, middle, last)} == {(5, 2)}
    assert [page["current_page"] for page in (first, middle, last)] == [1, 2, 3]
    assert [page["links"] for page in (first, middle, last)] == [
        [link("next", 2)],
        [link("next", 3), link("prev", 1)],
        [link("prev", 2)],
    ]
    assert (beyond["count"], beyond["results"], beyond["max_per_page"]) == (5, [], 20)
    assert beyond["links"] == [{"rel": "prev", "href": f"{home}/?page=3"}]


def test_a_cart_is_paid_as_a_whole_and_named_by_its_first_booking(desk):
    octo = desk.shop.octo("octo/pricing, octo/cardPayments, octo/cart")
    order = octo.post("/orders", {"bookings": [desk.shop.wish(1), desk.shop.wish(1)]}).json()
    numbers = [desk.shop.stored(each).number for each in order["bookings"]]
    attempts(desk.shop.stored(order["bookings"][0]), 1)

    shown = [desk.get(f"/bookings/{number}").json() for number in numbers]
    rows = [desk.get(f"/bookings/{number}/payments").json()["results"] for number in numbers]

    assert [each["amount_owing"] for each in shown] == ["90.00", "90.00"]
    assert rows[0] == rows[1]
    assert desk.get(f"/payments/{rows[0][0]['id']}").json()["booking"]["id"] == str(min(numbers))


def test_reading_costs_the_same_for_one_or_many(desk):
    def costs(adults: int, tries: int) -> tuple[int, ...]:
        booking = desk.booking(adults)
        made = attempts(booking, tries)
        number = Transaction.objects.values_list("number", flat=True).get(pk=made[0].pk)
        customer = booking.order.customer.number
        paths = (
            f"/payments/{number}",
            f"/bookings/{booking.number}",
            f"/bookings/{booking.number}/payments",
            f"/bookings/{booking.number}/refunds",
            f"/customers/{customer}",
            f"/customers/{customer}/bookings",
        )
        return tuple(cost_of(lambda: desk.get(path))[1] for path in paths)  # noqa: B023

    few, many = costs(1, 1), costs(20, 20)

    assert few == many
    assert many[0] <= GET_PAYMENT_BUDGET
    assert many[1] <= GET_BOOKING_BUDGET
    assert max(many[2:]) <= LIST_BUDGET


@pytest.mark.django_db(transaction=True)
def test_a_charge_costs_the_same_for_one_or_twenty_guests(desk, guest):
    costs = []
    for adults, amount in ((1, "45.00"), (20, "900.00")):
        booking = desk.booking(adults)
        payment, cost = cost_of(lambda: desk.pay(booking, amount))  # noqa: B023
        assert payment["status"] == "PROCESSED"
        costs.append(cost)

    assert costs[0] == costs[1] <= POST_BUDGET
