"""The context payments over real HTTP: 3-D Secure, an account, its credit, and all of it given back."""

import json
from typing import Any

import httpx
import pytest
from django.utils import timezone

from bookings.models import Booking, Customer, Order
from bookings.services import mint_partner_key
from gateways.protocol import Action
from payments.services.customer_credit import credit_balances
from tests.api.context.desk import CHALLENGED, VISA, card, documented, plain
from tests.payments.bank import answer_the_bank
from tests.payments.house import books

TWO_ADULTS = 9000


@pytest.fixture
def api(trip, live_server):
    """The partner's client, with a key for this API."""
    key = mint_partner_key(partner=trip.house.partner, dialects=["context"], is_live=True, label="", now=timezone.now())
    with httpx.Client(base_url=live_server.url, headers={"X-Api-Key": key[1]}, timeout=90, trust_env=False) as client:
        yield client


def post(api: httpx.Client, path: str, body: dict[str, Any], status: int) -> dict[str, Any]:
    answer = api.post(path, json=body)
    assert answer.status_code == status, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def places_of(held) -> tuple[str, str, Customer]:
    booking = Booking.objects.select_related("order__customer").get(uuid=held.uuid)
    customer = booking.order.customer
    assert customer is not None
    return f"/bookings/{booking.number}", f"/customers/{customer.number}", customer


def go_to_the_bank(shown: dict[str, Any]) -> dict[str, Any]:
    pairs = {pair["key"]: pair["value"] for pair in json.loads(shown["redirectRequest"]["data"])}
    proof = answer_the_bank(Action(type="redirect", url=pairs["url"], method=pairs["method"]))
    return {
        "paymentDetails": [{"key": name, "value": value} for name, value in proof.items()],
        "paymentData": pairs["paymentData"],
        "paymentProcessAuditId": shown["paymentProcessAuditId"],
    }


def test_credit_and_a_card_that_the_bank_asks_about_pay_one_booking_and_have_it_back(trip, api):
    held = trip.hold()
    booking, account, customer = places_of(held)

    post(api, f"{account}/Payment", plain(30, paymentMethodDetails=card(VISA)), 201)
    post(api, f"{booking}/Payment", {"paymentMethodId": 40, "amount": 30.0, "currencyCode": "EUR"}, 201)
    asked = post(api, f"{booking}/Payment", documented(60.0, paymentMethodDetails=card(CHALLENGED)), 202)
    assert held.status == "ON_HOLD"
    done = post(api, f"{booking}/CompleteSecurePayment", go_to_the_bank(asked), 201)

    assert (done["isSuccessfulPayment"], done["amountPaid"]) == (True, 60)
    shown = held.read()
    assert (shown["status"], shown["cardPayment"]["balance"]) == ("CONFIRMED", 0)
    assert shown["cardPayment"]["totalPaid"] == TWO_ADULTS
    trip.settle()
    taken = {"RECEIVABLE>CUSTOMER_CREDIT": 3000, "RECEIVABLE>CLEARING": 6000, "DONATION>CLEARING": 2500}
    assert held.books == taken
    top_up = Order.objects.get(kind="TOP_UP")
    assert books(top_up) == {"RECEIVABLE>CLEARING": 3000, "CUSTOMER_CREDIT>TOP_UPS": 3000}

    held.cancel()

    returned = {"CUSTOMER_CREDIT>RECEIVABLE": 3000, "CLEARING>RECEIVABLE": 6000, "CLEARING>DONATION": 2500}
    trip.until(lambda: held.books == {**taken, **returned}, "the money going back to card and credit")
    assert [each.minor for each in credit_balances(customer)] == [3000]
    trip.settle()


def test_a_payment_whose_answer_was_lost_is_booked_by_its_webhook(trip, api):
    held = trip.hold()
    booking, _account, _customer = places_of(held)
    trip.fault("payments", "answer_lost")

    lost = post(api, f"{booking}/Payment", plain(90.0), 202)

    assert (lost["errorCode"], lost["isSuccessfulPayment"]) == ("22099", False)
    trip.until(lambda: held.books == {"RECEIVABLE>CLEARING": TWO_ADULTS}, "the webhook being booked")
    trip.until(lambda: held.status == "CONFIRMED", "the paid booking being confirmed")
    (listed,) = api.get(f"{booking}/Payment").json()["payments"]
    assert (str(listed["id"]), listed["amount"]) == (lost["paymentId"], 90)
    trip.settle()
