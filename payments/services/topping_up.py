"""Take a card payment on a customer's account: an order of its own asks for it, and credits the customer once paid."""

from datetime import datetime, timedelta

from django.db import transaction as database

from bookings import services as booking_services
from bookings.models import Customer, OrderKind
from money import Money
from payments.models import Transaction
from payments.selectors import CHARGE_KINDS
from payments.services.card_charges import (
    CardCharge,
    CardCharged,
    Written,
    send_card_charge,
    write_card_charge,
)
from payments.services.charging import undecided_charge
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.operations import Clock
from payments.states import Status

# Longer than a guest has at the bank, so that who comes back in time finds the order open.
_OPEN_FOR = timedelta(hours=1)


def top_up_customer(
    *, customer: Customer, request: CardCharge, clock: Clock, also: Written | None = None
) -> CardCharged:
    """Charge a card for a customer's account; the customer has the credit once the money is taken.

    What is `also` to be written is committed with the charge before it is sent, or neither is.

    :raises PaymentError: the charge cannot be made; nothing was written and nothing was sent.
    """
    return send_card_charge(charge=_write(customer, request, also, clock()), request=request, clock=clock)


@tried_again_after_lock_timeout
def _write(customer: Customer, request: CardCharge, also: Written | None, now: datetime) -> Transaction:
    with database.atomic():
        customer = booking_services.lock_customer(customer_id=customer.pk)
        charges = Transaction.objects.filter(order__customer=customer, order__kind=OrderKind.TOP_UP)
        # Nothing is due on an account that could bound what is charged: while nobody knows of one charge, a second one
        # would be a retry of it as likely as not.
        if charges.filter(kind__in=CHARGE_KINDS, status=Status.PENDING).exists():
            raise undecided_charge()
        order = booking_services.create_asked_order(
            partner=customer.partner,
            is_live=customer.is_live,
            kind=OrderKind.TOP_UP,
            amount=Money(request.amount_minor, request.currency),
            reference="",
            description="",
            customer=customer,
            return_url="",
            expires_at=now + _OPEN_FOR,
            now=now,
        )
        return write_card_charge(order=order, request=request, also=also, now=now)
