"""Bookings of one departure, paid in every way there is, as tests of its cancellation work on them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from bookings.models import Booking, Customer, Order
from bookings.requests import OrderChanges
from gateways.models import GatewayAccount
from gateways.protocol import ExternalCharge
from gateways.protocol import OutcomeKind as Kind
from money import Money
from payments.models import AccountRoute, Payment, SurchargeRule, Transaction
from payments.services import aftercare, confirming
from payments.services.collecting import NO_REQUEST, PaymentRequest, prepare_payment
from tests.payments.credits import booked_for, topped_up
from tests.payments.credits import spend as spend_credit
from tests.payments.gifts import sold_gift, spend
from tests.payments.house import House

# What a booking has back, in the order of the plan: way, amount in cents, obstacle.
Ways = list[tuple[str, int, str]]
Scenario = Callable[[House], Booking]


def confirmed(house: House, booking: Booking) -> Booking:
    """Confirm a booking whose money is there."""
    confirming.confirm_booking(booking=booking, changes=None, request=NO_REQUEST, clock=house.clock)
    booking.refresh_from_db()
    assert booking.status == "CONFIRMED"
    return booking


def by_card(house: House, psp: str = "PSP1", **fields: Any) -> Booking:
    """Two adults, 90.00 EUR, paid by card and confirmed."""
    payment = house.paid(house.payment(**fields), psp)
    return confirmed(house, payment.order.bookings.get())


def held_on_a_card(house: House) -> Booking:
    """Two adults, 100.00 USD, held and not captured; on hold."""
    return house.paid(house.payment(account="adyen-us")).order.bookings.get()


def unpaid(house: House) -> Booking:
    """A hold that nobody has paid."""
    return house.reserve(payment_request=None)


def by_gift_and_card(house: House) -> Booking:
    """60.00 EUR by a gift, and later 30.00 EUR by card."""
    payment = house.payment()
    spend(sold_gift(house), payment.order, now=house.clock())
    house.clock.move(minutes=1)
    house.opening(payment, amount_minor=3000)
    house.tell(payment, Kind.AUTHORIZED, "PSP2", minor=3000)
    return confirmed(house, payment.order.bookings.get())


def by_credit(house: House) -> Booking:
    """All of 90.00 EUR by the guest's credit."""
    customer = Customer.objects.create(
        partner=house.partner, is_live=True, reference="guest-7", created_at=house.clock()
    )
    topped_up(house, customer, 9000)
    order = booked_for(house, customer)
    spend_credit(house, order, 9000)
    return order.bookings.get()


def elsewhere(house: House) -> Booking:
    """90.00 EUR at a till of the partner."""
    booking = house.reserve(return_url=None)
    request = PaymentRequest(gateway="external", source="POS", external=ExternalCharge(is_approved=True))
    confirming.confirm_booking(booking=booking, changes=None, request=request, clock=house.clock)
    return booking


def by_deposit(house: House) -> Booking:
    """A fifth of 90.00 EUR, which is what was due at once."""
    return by_card(house, settlement_method="DEPOSIT")


def deferred(house: House) -> Booking:
    """A partner that settles with its guest."""
    return confirmed(house, house.reserve(payment_request=None, settlement_method="DEFERRED"))


def with_surcharge(house: House) -> Booking:
    """90.00 EUR and three percent on it."""
    route = AccountRoute.objects.get(partner=house.partner, account__slug="adyen-eu", is_live=True)
    SurchargeRule.objects.create(route=route, percent_basis_points=300)
    return by_card(house)


def redeemed(house: House) -> Booking:
    """A guest who has been on the tour."""
    booking = by_card(house)
    Booking.objects.filter(pk=booking.pk).update(redeemed_at=house.clock())
    return booking


def refunded(house: House) -> Booking:
    """A booking whose guest has had everything back."""
    booking = by_card(house)
    payment = booking.order.payments.get()
    house.tell(payment, Kind.REFUNDED, "REF1", of="PSP1", minor=9000, ours="nothing-of-ours")
    return booking


def account_off(house: House) -> Booking:
    """Paid by card at an account that is used no more."""
    booking = by_card(house)
    GatewayAccount.objects.filter(slug="adyen-eu").update(is_active=False)
    return booking


def too_old(house: House) -> Booking:
    """Paid by card a year and a half ago."""
    booking = by_card(house)
    long_ago = house.clock() - timedelta(days=550)
    Transaction.objects.filter(order=booking.order_id).update(decided_at=long_ago)
    return booking


def disputed(house: House) -> Booking:
    """Paid by card, and objected to at the bank."""
    booking = by_card(house)
    house.tell(booking.order.payments.get(), Kind.DISPUTE_OPENED, "DIS1", of="PSP1", minor=9000)
    return booking


def unknown_refund(house: House) -> Booking:
    """Paid by card, with a refund of 10.00 EUR of which nobody knows what became."""
    booking = by_card(house)
    payment = booking.order.payments.get()
    aftercare.request_refund(
        payment_id=payment.pk, money=Money(1000, "EUR"), reason="x", requested_by="ada", now=house.clock()
    )
    Transaction.objects.filter(kind="REFUND", order=booking.order_id).update(
        unknown_since_at=house.clock(), first_sent_at=house.clock()
    )
    return booking


SCENARIOS: dict[str, tuple[Scenario, Ways, str]] = {
    "nothing paid": (unpaid, [], "NOTHING_PAID"),
    "by card": (by_card, [("CARD", 9000, "")], ""),
    "held on a card": (held_on_a_card, [("RELEASE", 10000, "")], ""),
    "gift, then card": (by_gift_and_card, [("CARD", 3000, ""), ("GIFT", 6000, "")], ""),
    "credit": (by_credit, [("CREDIT", 9000, "")], ""),
    "taken elsewhere": (elsewhere, [("BY_HAND", 9000, "TAKEN_ELSEWHERE")], ""),
    "deposit": (by_deposit, [("CARD", 1800, "")], ""),
    "partner settles": (deferred, [], "PARTNER_SETTLES"),
    "surcharge": (with_surcharge, [("CARD", 9270, "")], ""),
    "redeemed": (redeemed, [], "REDEEMED"),
    "given back before": (refunded, [], "ALREADY_GIVEN_BACK"),
    "account switched off": (account_off, [("BY_HAND", 9000, "ACCOUNT_OFF")], ""),
    "too old": (too_old, [("BY_HAND", 9000, "TOO_OLD")], ""),
    "disputed": (disputed, [("BY_HAND", 9000, "DISPUTED")], ""),
    "an undecided refund": (unknown_refund, [("BY_HAND", 8000, "UNDECIDED")], ""),
}


def two_bookings(house: House) -> tuple[Order, list[Booking]]:
    """A cart of two bookings of one adult each, 90.00 EUR together, paid by card."""
    first = house.reserve(adults=1, payment_request=None)
    second = house.reserve(adults=1, payment_request=None, order_id=str(first.order.uuid))
    order = Order.objects.get(pk=first.order_id)
    prepare_payment(order_id=order.pk, payment_request=NO_REQUEST, clock=house.clock)
    house.paid(Payment.objects.get(order=order, superseded_at__isnull=True))
    confirming.confirm_order(order=order, changes=OrderChanges(), request=NO_REQUEST, clock=house.clock)
    return order, [first, second]
