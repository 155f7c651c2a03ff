"""Pay with what is not a card: gifts. The order's debt is settled against what we already owe the gift's holder."""

from datetime import datetime
from uuid import UUID

from django.db import transaction as database
from django.db.models import Sum

from bookings.models import BookingStatus, Gift, Order
from bookings.services import lock_order, record_money
from money import Money
from payments import ledger
from payments.errors import GiftNotUsable
from payments.ledger import Transfer
from payments.models import LedgerAccount, LedgerEntry
from payments.selectors import gift_balance, order_money


def spend_gift(*, gift_id: UUID, order_id: UUID, now: datetime) -> Money:
    """Pay what an order still owes with a gift, as far as the gift goes; return what was spent, perhaps nothing.

    :raises GiftNotUsable: the gift cannot pay for this order; nothing was written.
    """
    with database.atomic():
        order = lock_order(order_id=order_id)
        gift = Gift.objects.select_for_update().get(pk=gift_id)
        _check(gift, order)
        left = gift_balance(gift)
        if left.minor <= 0:
            raise GiftNotUsable("Nothing is left of the gift.")
        spent = Money(min(left.minor, order_money(order).due_minor), order.currency)
        if spent.minor > 0:
            _move(order, gift, spent, cause="gift_spent", is_back=False, now=now)
        return spent


def return_gift(*, gift_id: UUID, order_id: UUID, now: datetime) -> Money:
    """Give back to a gift all that it paid on an order; return how much, perhaps nothing."""
    with database.atomic():
        order = lock_order(order_id=order_id)
        gift = Gift.objects.select_for_update().get(pk=gift_id)
        spent = Money(_spent_on(gift, order), order.currency)
        if spent.minor > 0:
            _move(order, gift, spent, cause="gift_returned", is_back=True, now=now)
        return spent


def _check(gift: Gift, order: Order) -> None:
    if (gift.partner_id, gift.is_live) != (order.partner_id, order.is_live):
        raise GiftNotUsable("There is no such gift.")
    if gift.currency != order.currency:
        raise GiftNotUsable(f"The gift is in {gift.currency}, the order in {order.currency}.")
    if gift.status != BookingStatus.CONFIRMED or gift.order_id == order.pk:
        raise GiftNotUsable("The gift cannot be used.")


def _spent_on(gift: Gift, order: Order) -> int:
    sums: dict[str, int] = dict(
        LedgerEntry.objects.filter(gift=gift, order=order).values_list("to_account").annotate(total=Sum("amount_minor"))
    )
    return sums.get(LedgerAccount.GIFT_LIABILITY, 0) - sums.get(LedgerAccount.RECEIVABLE, 0)


def _move(order: Order, gift: Gift, money: Money, *, cause: str, is_back: bool, now: datetime) -> None:
    ways = (LedgerAccount.RECEIVABLE, LedgerAccount.GIFT_LIABILITY)
    from_account, to_account = reversed(ways) if is_back else ways
    ledger.post(
        order=order,
        payment=None,
        transfers=[Transfer(from_account, to_account, money.minor, gift=gift)],
        cause=cause,
        event=None,
        occurred_at=now,
        now=now,
    )
    record_money(order=order, money_in_minor=order_money(order).money_in_minor, now=now)
