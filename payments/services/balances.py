"""What is paid after a confirmation: the balance that a deposit left."""

from datetime import datetime

from bookings.models import Order, SettlementMethod
from money import Money
from payments.errors import AmountMismatch
from payments.models import Transaction
from payments.selectors import OrderMoney
from payments.services.charging import write_charge
from payments.services.collecting import PaymentRequest


def write_balance_charge(
    *, order: Order, request: PaymentRequest, money: OrderMoney, now: datetime
) -> Transaction | None:
    """Write the row by which a partner pays the balance of a confirmed order with a kept card, or reports that it was
    paid elsewhere; the caller commits and then sends it.

    None where the request takes no money, or nothing is due. The amount must be named: a call that was made for the
    deposit and comes again, late, must not take the balance.

    :raises AmountMismatch: the amount is not named, or is not what is due; nothing was written.
    :raises PaymentError: the charge cannot be made; nothing was written.
    """
    takes_money = request.external is not None or request.card_id is not None
    if order.settlement_method != SettlementMethod.DEPOSIT or not takes_money or money.due_minor == 0:
        return None
    if request.amount_minor is None:
        raise AmountMismatch("A payment of the balance names its amount.", due=Money(money.due_minor, order.currency))
    return write_charge(order=order, request=request, money=money, now=now)
