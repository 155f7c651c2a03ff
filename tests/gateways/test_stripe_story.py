"""Bookings paid through Stripe's stand-in over real HTTP, told by signed webhooks, down to the ledger."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from bookings.models import Booking
from gateways.adapters.stripe import standin
from gateways.models import GatewayAccount
from payments.errors import PaymentPending, PaymentRefused
from payments.models import AccountRoute, Case, Opening, Payment, ReusableCard, WebhookDelivery
from payments.services import confirming, janitor
from payments.services.collecting import PaymentRequest
from tests.payments.conftest import guest, house
from tests.payments.guest import Guest, opening_of
from tests.payments.house import House, books, operations
from tests.processes import Sandbox

__all__ = ["guest", "house"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(house: House, sandbox: Sandbox) -> Iterator[GatewayAccount]:
    """Take the partners' euros by Stripe."""
    fields = standin.credentials("stripe-eu", lambda name: hashlib.sha256(name.encode()).hexdigest(), sandbox.url)
    described = standin.sandbox_account(fields, f"http://127.0.0.1:{settings.WEB_PORT}/webhooks/stripe-eu/")
    sandbox.put(f"stripe/accounts/{standin.account_name(described)}", **described)
    made = GatewayAccount.objects.create(
        slug="stripe-eu",
        name="Stripe",
        gateway="stripe",
        environment="LIVE",
        currencies=["EUR"],
        sources=["ECOM"],
        captures_at_once=True,
        stores_cards=True,
    )
    AccountRoute.objects.filter(account=house.accounts["adyen-eu"]).update(account=made)
    with override_settings(GATEWAY_CREDENTIALS={**settings.GATEWAY_CREDENTIALS, "stripe-eu": fields}):
        yield made


def pay(guest: Guest, opening: Opening, *, is_good: bool = True) -> Any:
    path, card = standin.guest_pays({"paymentIntent": {"id": opening.gateway_reference}}, is_good=is_good)
    answer = guest.sandbox.post(path, **card)
    guest.deliver()
    return answer


def confirm(house: House, booking: Booking) -> bool:
    request = PaymentRequest(opening_reference=opening_of(booking).gateway_reference)
    return confirming.confirm_booking(booking=booking, changes=None, request=request, clock=house.clock).is_confirmed


@pytest.mark.usefixtures("account")
def test_a_refused_card_then_a_good_one_confirm_the_booking_and_keep_the_card(house: House, guest: Guest) -> None:
    booking = house.reserve()
    pay(guest, opening_of(booking), is_good=False)
    with pytest.raises(PaymentRefused) as refused:
        confirm(house, booking)
    pay(guest, opening_of(booking))

    assert confirm(house, booking)

    assert refused.value.error_code == "CREDIT_LIMIT_EXCEEDED"
    assert sorted(operations(booking.order)) == [
        ("SALE", "GATEWAY", "FAILED", 9000),
        ("SALE", "GATEWAY", "PROCESSED", 9000),
    ]
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}
    assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"PROCESSED"}
    assert ReusableCard.objects.get().last4 == "4242"
    assert not Case.objects.exists()


def test_a_capture_whose_answer_is_lost_is_found_and_a_refund_of_the_dashboard_is_booked(
    account: GatewayAccount, house: House, guest: Guest
) -> None:
    GatewayAccount.objects.filter(pk=account.pk).update(captures_at_once=False)
    booking = house.reserve()
    opening = opening_of(booking)
    pay(guest, opening)
    payment = Payment.objects.get(order=booking.order)
    assert (payment.state, payment.authorized_minor) == ("AUTHORIZED", 9000)
    guest.sandbox.post("faults", gateway="stripe", operation="webhook", fault="dropped", times=-1)
    guest.sandbox.post("faults", gateway="stripe", operation="capture", fault="answer_lost")
    with pytest.raises(PaymentPending):
        confirm(house, booking)
    house.clock.move(minutes=10)
    janitor.resolve_unknown(clock=house.clock)

    assert confirm(house, booking)

    guest.sandbox.delete("faults")
    guest.sandbox.post(f"stripe/payment_intents/{opening.gateway_reference}/refund", amount=2000)
    guest.sandbox.post("webhooks/flush", lost=True)
    guest.deliver()
    payment.refresh_from_db()
    assert (payment.state, payment.captured_minor, payment.refunded_minor) == ("CAPTURED", 9000, 2000)
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000, "CLEARING>RECEIVABLE": 2000}
    assert len(guest.sandbox.get("requests", gateway="stripe", operation="capture")["requests"]) == 2
    (row,) = guest.sandbox.get("money")["money"]
    assert (row["captured"], row["refunded"], row["merchantReference"]) == (9000, 2000, opening.reference)
