"""What of a booking is due at once and what later: percents, amounts, cut-offs, and orders of several."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from bookings.deposits import deposit_of, takes_deposit
from bookings.models import Availability, Booking, BookingStatus, Installment, Order, Product
from bookings.requests import BookingChanges
from bookings.services import update_booking
from bookings.services.units import installments_for
from tests.bookings.shop import NOW, tickets

VISIT = date(2027, 3, 20)


def booking_of(
    retail_minor: int,
    *,
    percent: int | None = None,
    amounts: dict[str, int] | None = None,
    days: int | None = None,
    currency: str = "EUR",
    made: str = "2027-03-01T12:00:00",
    visit: date | None = VISIT,
    zone: str = "Europe/Berlin",
    status: str = BookingStatus.ON_HOLD,
) -> Booking:
    product = Product(
        deposit_percent=percent, deposit_amounts=amounts or {}, balance_due_days=days, time_zone=zone, name="Kayak tour"
    )
    booking = Booking(
        product=product,
        availability=Availability(local_date=visit) if visit else None,
        currency=currency,
        retail_minor=retail_minor,
        status=status,
        created_at=datetime.fromisoformat(made).replace(tzinfo=UTC),
    )
    booking.deposit_minor, booking.balance_due_date = deposit_of(booking)
    return booking


@pytest.mark.parametrize(
    ("retail_minor", "terms", "deposit_minor"),
    [
        (9_000, {"percent": 20}, 1_800),
        (4_999, {"percent": 33}, 1_650),
        (4_550, {"percent": 15}, 683),  # 682.5: halves go up
        (7_500, {"percent": 33, "currency": "JPY"}, 2_475),
        (7_501, {"percent": 50, "currency": "JPY"}, 3_751),
        (12_345, {"percent": 30, "currency": "KWD"}, 3_704),  # 12.345 KWD: 3.7035 is rounded to whole fils
        (1, {"percent": 1}, 0),
        (9_000, {"percent": 100}, 9_000),
        (9_000, {"amounts": {"EUR": 2_500}}, 2_500),
        (7_500, {"amounts": {"EUR": 2_500, "JPY": 3_000}, "currency": "JPY"}, 3_000),
        (12_345, {"amounts": {"KWD": 5_001}, "currency": "KWD"}, 5_001),
        (2_000, {"amounts": {"EUR": 2_500}}, 2_000),  # never more than the price
        (0, {"amounts": {"EUR": 2_500}}, 0),
        (9_000, {"amounts": {"JPY": 3_000}}, 9_000),  # no deposit is named for euros
        (9_000, {}, 9_000),
    ],
)
def test_a_deposit_is_a_percent_or_an_amount_and_never_more_than_the_price(retail_minor, terms, deposit_minor):
    assert booking_of(retail_minor, **terms).deposit_minor == deposit_minor


@pytest.mark.parametrize(
    ("terms", "deposit_minor", "due"),
    [
        ({"days": 14}, 1_800, date(2027, 3, 6)),
        ({"days": 0}, 1_800, VISIT),
        ({}, 1_800, VISIT),
        ({"visit": None, "days": 14}, 1_800, None),
        ({"days": 14, "made": "2027-03-05T22:59:59"}, 1_800, date(2027, 3, 6)),
        ({"days": 14, "made": "2027-03-05T23:00:00"}, 9_000, date(2027, 3, 6)),  # midnight in Berlin
        ({"days": 14, "made": "2027-03-05T23:00:00", "zone": "America/New_York"}, 1_800, date(2027, 3, 6)),
        ({"days": 14, "made": "2027-03-19T12:00:00"}, 9_000, date(2027, 3, 6)),
        ({"days": 0, "made": "2027-03-20T08:00:00"}, 9_000, VISIT),
        ({"made": "2027-03-20T08:00:00"}, 1_800, VISIT),  # no cut-off was named
    ],
)
def test_a_booking_made_inside_the_cut_off_owes_everything_at_once(terms, deposit_minor, due):
    booking = booking_of(9_000, percent=20, **terms)

    assert (booking.deposit_minor, booking.balance_due_date) == (deposit_minor, due)


def test_an_order_owes_the_sums_and_its_balance_when_the_first_is_due():
    bookings = [
        booking_of(9_000, percent=20, days=14),
        booking_of(5_000, amounts={"EUR": 2_000}, days=10),
        booking_of(4_000, percent=50, days=30),  # made too late: all at once, nothing later
        booking_of(7_000, percent=10, days=15, status=BookingStatus.CANCELLED),
    ]

    parts = installments_for(Order(currency="EUR"), bookings)

    assert [(each.kind, each.amount_minor, each.due_date) for each in parts] == [
        ("DEPOSIT", 1_800 + 2_000 + 4_000, None),
        ("BALANCE", 7_200 + 3_000, date(2027, 3, 6)),
    ]


@pytest.mark.parametrize(("terms", "takes"), [({"percent": 1}, True), ({"amounts": {"EUR": 1}}, True), ({}, False)])
def test_only_a_product_that_names_a_deposit_is_settled_by_one(terms, takes):
    assert takes_deposit(booking_of(9_000, **terms).product) is takes


def test_installments_follow_the_price(shop, product):
    product.deposit_percent, product.deposit_amounts, product.balance_due_days = None, {"EUR": 5_000}, 1
    product.save()
    booking = shop.reserve(settlement_method="DEPOSIT")
    visit = booking.availability.local_date

    def written() -> dict[str, tuple[int, date | None]]:
        rows = Installment.objects.filter(order=booking.order).values_list("kind", "amount_minor", "due_date")
        return {kind: (amount, due) for kind, amount, due in rows}

    before = written()
    update_booking(booking=booking, changes=BookingChanges(unit_items=tickets(shop.adult)), now=NOW)

    assert before == {"DEPOSIT": (5_000, None), "BALANCE": (4_000, visit - timedelta(days=1))}
    assert written() == {"DEPOSIT": (4_500, None), "BALANCE": (0, None)}


@pytest.mark.parametrize(
    "amounts",
    [{"EUR": 0}, {"EUR": -1}, {"EUR": 1.5}, {"EUR": "1"}, {"EUR": None}, {"eur": 1}, {"EURO": 1}, [1], "x", 5, None],
)
@pytest.mark.django_db
def test_amounts_that_are_none_are_refused_by_the_database_and_by_forms(product, amounts):
    product.deposit_percent, product.deposit_amounts = None, amounts
    with pytest.raises(ValidationError):
        product.full_clean()
    with pytest.raises(IntegrityError):
        product.save()


def test_a_deposit_is_a_percent_or_an_amount_not_both(product):
    product.deposit_percent, product.deposit_amounts = 20, {"EUR": 100}
    with pytest.raises(ValidationError, match="not both"):
        product.full_clean()
    with pytest.raises(IntegrityError):
        product.save()
