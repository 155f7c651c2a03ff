"""`pricing` in a write is what the partner told the guest: another price is refused instead of charged."""

import pytest

from bookings.models import Booking
from tests.api.octo.shop import CARDS, CORE, PRICED

pytestmark = pytest.mark.django_db


def price(retail, currency="EUR"):
    return {"pricing": {"retail": retail, "currency": currency}}


def cost_of(shop, units=2):
    return shop.octo(PRICED).post("/bookings", shop.wish(units)).json()["pricing"]["retail"]


@pytest.mark.parametrize("capabilities", [PRICED, CARDS])
def test_the_expected_price_is_accepted(shop, capabilities):
    expected = cost_of(shop)

    assert shop.octo(capabilities).post("/bookings", shop.wish(2, **price(expected))).status_code == 200


@pytest.mark.parametrize(("difference", "currency"), [(1, "EUR"), (-1, "EUR"), (0, "USD")])
def test_another_price_is_refused_with_the_real_one_and_reserves_nothing(shop, difference, currency):
    expected = cost_of(shop)
    before = Booking.objects.count()

    answer = shop.octo(PRICED).post("/bookings", shop.wish(2, **price(expected + difference, currency)))

    body = answer.json()
    assert (answer.status_code, body["error"]) == (400, "UNPROCESSABLE_ENTITY")
    assert (body["amount"], body["currency"], body["currencyPrecision"]) == (expected, "EUR", 2)
    assert Booking.objects.count() == before


def test_another_price_changes_and_confirms_nothing(shop):
    octo = shop.octo(PRICED)
    booking = octo.post("/bookings", shop.wish(2, settlementMethod="VOUCHER")).json()
    retail = booking["pricing"]["retail"]
    path = f"/bookings/{booking['uuid']}"

    changed = octo.patch(path, {"notes": "late", **price(retail + 1)})
    confirmed = octo.post(f"{path}/confirm", price(retail + 1))

    assert [answer.json()["error"] for answer in (changed, confirmed)] == ["UNPROCESSABLE_ENTITY"] * 2
    shown = octo.get(path).json()
    assert (shown["status"], shown["notes"]) == ("ON_HOLD", None)
    assert octo.post(f"{path}/confirm", price(retail)).json()["status"] == "CONFIRMED"


@pytest.mark.parametrize(
    "pricing",
    [{}, {"retail": "9000", "currency": "EUR"}, {"retail": -1, "currency": "EUR"}, {"retail": 1}, "90.00", [1]],
)
def test_a_price_that_is_none_is_bad_input(shop, pricing):
    answer = shop.octo(PRICED).post("/bookings", shop.wish(1, pricing=pricing))

    assert (answer.status_code, answer.json()["error"]) == (400, "BAD_REQUEST")
    assert not Booking.objects.exists()


def test_without_the_capability_it_is_not_read(shop):
    assert shop.octo(CORE).post("/bookings", shop.wish(1, **price(1))).status_code == 200


def test_the_currency_of_a_booking_cannot_be_changed(shop):
    octo = shop.octo(PRICED)
    booking = octo.post("/bookings", shop.wish(1)).json()

    refused = octo.patch(f"/bookings/{booking['uuid']}", {"currency": "USD", "notes": "late"})

    assert (refused.status_code, refused.json()["error"]) == (400, "BAD_REQUEST")
    assert "EUR" in refused.json()["errorMessage"]
    assert octo.get(f"/bookings/{booking['uuid']}").json()["notes"] is None
    assert octo.patch(f"/bookings/{booking['uuid']}", {"currency": "EUR"}).status_code == 200
