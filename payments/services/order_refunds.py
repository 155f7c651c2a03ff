"""Give money of an order back, wherever it came from: as a member of staff asks, or because too much was paid."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction as database

from bookings import services as booking_services
from bookings.models import Order, OrderKind
from money import Money
from payments.errors import NothingOverpaid, PaymentChanged, RefundTooLarge
from payments.models import Transaction
from payments.selectors import OrderMoney, order_money
from payments.services.guarding import order_version, refuse_after_change, refuse_while_unknown
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.operations import Clock, Patience, perform
from payments.services.returning import give_back, gives_surcharge_back
from payments.services.tenders import Tender, tenders_of
from payments.states import OperationKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """Be what giving money back comes to: operations for gateways to carry out, and what tenders had back at once."""

    order: Order
    operations: tuple[Transaction, ...]
    tenders: tuple[Tender, ...]

    @property
    def total_minor(self) -> int:
        """Return what goes back in all, surcharges included; what is only released was never ours."""
        refunds = (row.amount_minor for row in self.operations if row.kind == OperationKind.REFUND)
        return sum(refunds) + self.tendered_minor

    @property
    def released_minor(self) -> int:
        """Return what is held and not taken, and is only released."""
        return sum(row.amount_minor for row in self.operations if row.kind == OperationKind.VOID)

    @property
    def tendered_minor(self) -> int:
        """Return what gifts and credit had back."""
        return sum(tender.amount_minor for tender in self.tenders)


Noted = Callable[[Returned], None]


@tried_again_after_lock_timeout
def request_order_refund(
    *,
    order_id: UUID,
    money: Money,
    reason: str,
    requested_by: str,
    now: datetime,
    version_seen: int | None = None,
    noted: Noted | None = None,
) -> Returned:
    """Give so much of an order's price back, newest tender first: gift to gift, credit to credit, and for cards the
    rows of refunds and releases, which reserve their amounts.

    The share of the surcharge goes back with it, unless the settings keep that of a confirmed order. `version_seen` is
    the `order_version` that the caller decided on. What the caller keeps of it is `noted` in the same transaction, and
    undoes it by raising.

    :raises RefundTooLarge: so much is not there, or a top-up is to be given back; nothing was written.
    :raises PaymentChanged: the order's money moved since it was looked at; nothing was written.
    :raises OutcomeUnknown: an earlier operation is undecided; nothing was written.
    """
    with database.atomic():
        order = _lock(order_id, version_seen)
        limit = returnable_of_order(order, order_money(order))
        if money.currency != order.currency or not 0 < money.minor <= limit.minor:
            raise RefundTooLarge(f"At most {limit} can be given back.", refundable=limit)
        returned = _give_back(order, money.minor, reason=reason, requested_by=requested_by, now=now)
        if noted is not None:
            noted(returned)
        return returned


@tried_again_after_lock_timeout
def request_overpayment_return(
    *,
    order_id: UUID,
    money: Money,
    reason: str,
    requested_by: str,
    now: datetime,
    version_seen: int | None = None,
    noted: Noted | None = None,
) -> Returned:
    """Give back all that an order has beyond its price, as `request_order_refund` gives back; `money` is how much the
    caller saw that to be.

    :raises NothingOverpaid: nothing is too much; nothing was written.
    :raises PaymentChanged: it is another amount, or the order's money moved; nothing was written.
    :raises OutcomeUnknown: an earlier operation is undecided; nothing was written.
    """
    with database.atomic():
        order = _lock(order_id, version_seen)
        surplus = overpaid_of_order(order, order_money(order))
        if surplus.minor == 0:
            raise NothingOverpaid("Nothing of the order is overpaid.")
        if money != surplus:
            raise PaymentChanged(f"Now {surplus} is overpaid; nothing was asked of the gateway. Look again.")
        returned = _give_back(order, surplus.minor, reason=reason, requested_by=requested_by, now=now)
        if noted is not None:
            noted(returned)
        return returned


def send(returned: Returned, clock: Clock) -> Returned:
    """Send the operations, as long as a person can be let wait; workers send the rest."""
    patience = Patience(clock)
    sent = [
        (perform(transaction_id=row.pk, clock=clock) or row) if patience.allows_a_call() else row
        for row in returned.operations
    ]
    return Returned(order=returned.order, operations=tuple(sent), tenders=returned.tenders)


def returnable_of_order(order: Order, money: OrderMoney) -> Money:
    """Return what of an order's price can be given back by all that paid or holds it; only under its lock does it stay
    so. A top-up goes back by its payment, whose refund looks at the customer's credit.
    """
    if order.kind == OrderKind.TOP_UP:
        return Money(0, order.currency)
    return Money(max(0, money.money_in_minor + money.held_minor - money.returning_minor), order.currency)


def overpaid_of_order(order: Order, money: OrderMoney) -> Money:
    """Return what an order has beyond its price, without what nobody has decided."""
    surplus = 0 if order.kind == OrderKind.TOP_UP else money.certain_surplus_minor
    return Money(max(0, surplus), order.currency)


def _lock(order_id: UUID, version_seen: int | None) -> Order:
    order = booking_services.lock_order(order_id=order_id)
    refuse_after_change(version_seen, order_version(order))
    refuse_while_unknown(Transaction.objects.filter(order=order))
    return order


def _give_back(order: Order, amount_minor: int, *, reason: str, requested_by: str, now: datetime) -> Returned:
    """Give exactly so much of a locked order's price back.

    :raises RefundTooLarge: the operations and tenders that can be written come to another amount.
    """
    before = tenders_of(order)
    operations = give_back(
        order=order,
        amount_minor=amount_minor,
        reason=reason,
        requested_by=requested_by,
        now=now,
        returns_surcharge=gives_surcharge_back(order),
    )
    returned = Returned(order=order, operations=tuple(operations), tenders=_had_back(before, tenders_of(order)))
    planned = sum(row.parts.base_minor for row in operations) + returned.tendered_minor
    if planned != amount_minor:
        # A hold is released whole or not at all, and a capture keeps room for its share of a surcharge.
        limit = Money(planned, order.currency)
        raise RefundTooLarge(f"Of that only {limit} can be given back in one go.", refundable=limit)
    return returned


def _had_back(before: list[Tender], after: list[Tender]) -> tuple[Tender, ...]:
    left = {(tender.gift_id, tender.customer_id): tender.amount_minor for tender in after}
    differences = (
        (tender, tender.amount_minor - left.get((tender.gift_id, tender.customer_id), 0)) for tender in before
    )
    return tuple(
        Tender(gift_id=tender.gift_id, customer_id=tender.customer_id, amount_minor=minor, paid_at=tender.paid_at)
        for tender, minor in differences
        if minor > 0
    )
