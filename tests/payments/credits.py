"""A customer with credit, as tests of the core fill and spend it."""

from bookings.models import Customer, Order, OrderKind
from bookings.services import create_asked_order
from money import Money
from payments.models import Payment
from payments.selectors import current_payment
from payments.services.collecting import NO_REQUEST, prepare_payment
from payments.services.customer_credit import CreditPayment, available_credit, spend_credit
from tests.payments.house import House


def held_top_up(house: House, customer: Customer, minor: int = 6000) -> Payment:
    """Return a payment that tops a customer's account up, not paid yet."""
    order = create_asked_order(
        partner=house.partner,
        is_live=True,
        kind=OrderKind.TOP_UP,
        amount=Money(minor, "EUR"),
        reference="",
        description="",
        customer=customer,
        return_url="",
        expires_at=house.clock.move(hours=1),
        now=house.clock.move(hours=-1),
    )
    prepare_payment(order_id=order.pk, payment_request=NO_REQUEST, clock=house.clock)
    payment = current_payment(order)
    assert payment is not None
    return payment


def topped_up(house: House, customer: Customer, minor: int = 6000, *, psp: str = "TOPUP1") -> Payment:
    """Return a payment that tops a customer's account up, paid."""
    return house.paid(held_top_up(house, customer, minor), psp)


def booked_for(house: House, customer: Customer, adults: int = 2) -> Order:
    """Return an order of the customer, on hold: 45.00 EUR for each adult."""
    order = house.reserve(adults, payment_request=None).order
    Order.objects.filter(pk=order.pk).update(customer=customer)
    order.refresh_from_db()
    return order


def spend(house: House, order: Order, minor: int) -> CreditPayment:
    """Pay so much of an order by the credit of its customer."""
    return spend_credit(order_id=order.pk, amount=Money(minor, "EUR"), now=house.clock())


def left(customer: Customer) -> int:
    """Return what a customer can spend, in cents."""
    return available_credit(customer=customer, currency="EUR").minor
