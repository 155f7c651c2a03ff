"""Charge a kept card for all that an invoice or a top-up asks for, without its guest."""

from uuid import UUID

from django.db import transaction as database

from bookings import services as booking_services
from bookings.errors import OrderNotOpen
from bookings.models import BookingStatus
from gateways.protocol import Source
from payments.errors import PaymentPending
from payments.models import ReusableCard, Transaction
from payments.selectors import order_money
from payments.services.charging import RETRY_AFTER_SECONDS, write_charge
from payments.services.collecting import PaymentRequest
from payments.services.link_pages import is_reported
from payments.services.links import withdraw_links
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.operations import Clock, perform_claimed


def charge_kept_card(*, order_id: UUID, card: ReusableCard, clock: Clock) -> Transaction:
    """Charge a kept card for what an asked order owes, which confirms it; return the charge as it stands then.

    Its links are withdrawn with it: who charges a card without the guest has done with the guest's page, where the same
    could be paid once more, also after a refusal that its partner takes for the end.

    A refusal is no exception: the charge has FAILED. One whose answer was lost is PENDING and unknown.

    :raises OrderNotOpen: nobody can pay it any more; nothing was written.
    :raises PaymentPending: another charge of it is undecided, or its guest is said to have paid; nothing was written.
    :raises PaymentError: the card cannot be charged for it; nothing was written.
    """
    charge = _write(order_id, card, clock)
    return perform_claimed(operation=charge, clock=clock)


@tried_again_after_lock_timeout
def _write(order_id: UUID, card: ReusableCard, clock: Clock) -> Transaction:
    now = clock()
    with database.atomic():
        order = booking_services.lock_order(order_id=order_id)
        if order.status != BookingStatus.ON_HOLD:
            raise OrderNotOpen(str(order.uuid), f"it is {order.status}")
        if order.expires_at is not None and order.expires_at <= now:
            raise OrderNotOpen(str(order.uuid), "its time is over")
        money = order_money(order)
        if money.asked_minor > 0 or is_reported(order):
            raise PaymentPending(
                "Another charge of this order is still undecided.", retry_after_seconds=RETRY_AFTER_SECONDS
            )
        request = PaymentRequest(gateway=card.account.gateway, source=Source.ECOM, card_id=str(card.pk))
        charge = write_charge(order=order, request=request, money=money, now=now)
        if charge is None:
            raise OrderNotOpen(str(order.uuid), "nothing of it is due")
        withdraw_links(order=order, now=now)
    return charge
