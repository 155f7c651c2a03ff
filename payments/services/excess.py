"""Give back what an order has too much at the moment it is confirmed: its price is known then, for good or for now."""

from datetime import datetime

from bookings.models import Order
from payments.models import Origin, Transaction
from payments.selectors import CHARGE_KINDS, OrderMoney
from payments.services.returning import give_back
from payments.services.surplus import return_surplus
from payments.states import OperationKind, Status


def return_excess(*, order: Order, money: OrderMoney, is_changed: bool, now: datetime) -> None:
    """Return what was paid beyond the price a locked order is confirmed at: to gifts at once, to cards by a worker.

    Where what is sold `is_changed` with the confirmation, all of it, as after any change. Otherwise only what was
    charged for a confirmation at a higher price, which never came: the door left it for that one. What else is too much
    somebody looks after already: a gateway's figure beyond what was asked, or a refund that failed, is staff's.
    """
    left = money.certain_surplus_minor
    if money.money_in_minor <= 0 or left <= 0:
        return
    if is_changed:
        give_back(order=order, amount_minor=left, reason="it became cheaper", requested_by="system", now=now)
        return
    operations = Transaction.objects.filter(order=order)
    returns = operations.filter(origin=Origin.OURS, kind__in=[OperationKind.REFUND, OperationKind.VOID])
    if returns.filter(status=Status.FAILED).exists():
        return
    charged_for_more = operations.filter(
        kind__in=CHARGE_KINDS, status=Status.PROCESSED, expected_total_minor__gt=money.price_minor
    )
    for charged in charged_for_more.select_related("payment").order_by("-requested_at", "-pk"):
        amount_minor = min(left, charged.parts.base_minor)
        if amount_minor > 0:
            return_surplus(order=order, newest=charged, amount_minor=amount_minor, now=now)
        left -= amount_minor
