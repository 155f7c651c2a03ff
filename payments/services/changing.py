"""Change a booking, a gift or an order together with what is asked for it, or show what a change would make of it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from django.db import transaction as database

from bookings import services as booking_services
from bookings.models import Booking, BookingStatus, Gift, Order
from bookings.requests import BookingChanges, GiftChanges, OrderChanges
from bookings.selectors import amount_to_collect, order_of
from gateways.errors import ErrorCode
from money import Money
from payments.errors import PaymentDue, PaymentRefused
from payments.models import Transaction
from payments.selectors import OrderMoney, current_payment, order_money
from payments.services.balances import write_balance_charge
from payments.services.cards import follow_customer
from payments.services.charging import (
    refuse_what_was_refused,
    told_by,
    write_charge,
    write_external_cancellation,
)
from payments.services.collecting import PaymentRequest, Prepared, open_prepared, prepare
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.operations import Clock, Patience, perform, perform_claimed
from payments.services.returning import give_back
from payments.services.tenders import apply_gift
from payments.services.viewing import CardPaymentView, asked_for, country_code_of, view_of
from payments.states import Status

_Changed = TypeVar("_Changed", Booking, Gift, Order)
_Shown = TypeVar("_Shown")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written(Generic[_Changed]):
    """Be a change that was made under the order's lock, what the books say after it, and what is to be sent."""

    changed: _Changed
    order: Order
    money: OrderMoney
    operations: list[Transaction]
    prepared: Prepared = field(default_factory=Prepared)
    charged: Transaction | None = None


def update_booking(
    *,
    booking: Booking,
    changes: BookingChanges,
    payment_request: PaymentRequest | None,
    clock: Clock,
    gift_code: str | None = None,
) -> Booking:
    """Change a booking, what is asked for it, and record or undo what its partner took elsewhere.

    An increase on a confirmed booking must be covered by money already taken, or by the gift of a `gift_code`; a
    decrease gives back what is too much. An empty code gives gifts back what they paid.

    :raises PaymentRefused: the change is made, and the card that was to pay was refused.
    :raises PaymentDue: the change would leave a confirmed booking unpaid; nothing was written.
    :raises BookingError: a change is impossible; nothing was written.
    :raises PaymentError: the wish cannot be met; nothing was written.
    """

    def update(now: datetime) -> Booking:
        return booking_services.update_booking(booking=booking, changes=changes, now=now)

    return _change(booking.order_id, update, payment_request, clock, gift_code)


def update_gift(
    *,
    gift: Gift,
    changes: GiftChanges,
    payment_request: PaymentRequest | None,
    clock: Clock,
    gift_code: str | None = None,
) -> Gift:
    """Change a gift and what is asked for it, as `update_booking` does for a booking.

    :raises BookingError: a change is impossible; nothing was written.
    :raises PaymentError: the wish cannot be met; nothing was written.
    """

    def update(now: datetime) -> Gift:
        return booking_services.update_gift(gift=gift, changes=changes, now=now)

    return _change(gift.order_id, update, payment_request, clock, gift_code)


def update_order(
    *,
    order: Order,
    changes: OrderChanges,
    payment_request: PaymentRequest | None,
    clock: Clock,
    gift_code: str | None = None,
) -> Order:
    """Change an order itself, and what is asked for it, as `update_booking` does for a booking.

    :raises BookingError: a change is impossible; nothing was written.
    :raises PaymentError: the wish cannot be met; nothing was written.
    """

    def update(now: datetime) -> Order:
        return booking_services.update_order(order=order, changes=changes, now=now)

    return _change(order.pk, update, payment_request, clock, gift_code)


def preview_order(
    *,
    order: Order,
    changes: OrderChanges,
    payment_request: PaymentRequest | None,
    show: Callable[[Order, CardPaymentView | None], _Shown],
    clock: Clock,
    gift_code: str | None = None,
) -> _Shown:
    """Return what `show` makes of an order as `update_order` would leave it; nothing is written and no gateway asked.

    :raises BookingError, PaymentError: as `update_order`.
    """

    def update(now: datetime) -> Order:
        return booking_services.update_order(order=order, changes=changes, now=now)

    return _preview(order.pk, update, payment_request, show, clock(), gift_code)


def preview_gift(
    *,
    gift: Gift,
    changes: GiftChanges,
    payment_request: PaymentRequest | None,
    show: Callable[[Gift, CardPaymentView | None], _Shown],
    clock: Clock,
    gift_code: str | None = None,
) -> _Shown:
    """Return what `show` makes of a gift as `update_gift` would leave it, as `preview_order` does for an order.

    :raises BookingError, PaymentError: as `update_gift`.
    """

    def update(now: datetime) -> Gift:
        return booking_services.update_gift(gift=gift, changes=changes, now=now)

    return _preview(gift.order_id, update, payment_request, show, clock(), gift_code)


@tried_again_after_lock_timeout
def _preview(
    order_id: UUID,
    update: Callable[[datetime], _Changed],
    payment_request: PaymentRequest | None,
    show: Callable[[_Changed, CardPaymentView | None], _Shown],
    now: datetime,
    gift_code: str | None,
) -> _Shown:
    with database.atomic():
        written = _apply(order_id, update, gift_code, now)
        order, money = written.order, written.money
        payment = before = current_payment(order)
        if payment_request is not None and order.status == BookingStatus.ON_HOLD:
            payment = prepare(order, payment_request, now, money=money).payment or before
        view = view_of(order, payment, None, money, now)
        if view is not None and payment != before:
            view = replace(view, payment_id=None, reference=None)  # nobody will ever find what is rolled back
        shown = show(written.changed, view)
        database.set_rollback(True)
    return shown


@tried_again_after_lock_timeout
def _write(
    order_id: UUID,
    update: Callable[[datetime], _Changed],
    payment_request: PaymentRequest | None,
    gift_code: str | None,
    now: datetime,
) -> _Written[_Changed]:
    with database.atomic():
        written = _apply(order_id, update, gift_code, now)
        return written if payment_request is None else _ask(written, payment_request, now)


def _change(
    order_id: UUID,
    update: Callable[[datetime], _Changed],
    payment_request: PaymentRequest | None,
    clock: Clock,
    gift_code: str | None,
) -> _Changed:
    refuse_what_was_refused(payment_request)
    patience = Patience(clock)
    written = _write(order_id, update, payment_request, gift_code, clock())
    for operation in written.operations:
        if patience.allows_a_call():
            perform(transaction_id=operation.id, clock=clock)
    charged = written.charged
    if charged is not None and payment_request is not None:
        charged = perform_claimed(operation=charged, clock=clock, told=told_by(payment_request))
    is_refused = charged is not None and charged.status == Status.FAILED
    if (charged is None or is_refused) and written.prepared.is_claimed and patience.allows_a_call():
        open_prepared(written.prepared, country_code_of(written.order), clock)
    if charged is not None and is_refused:
        raise PaymentRefused(
            "The payment was refused.",
            error_code=ErrorCode(charged.error_code),
            payment_reference=charged.payment.reference,
        )
    return written.changed


def _ask(written: _Written[_Changed], request: PaymentRequest, now: datetime) -> _Written[_Changed]:
    """Write what a guest can pay, the payment a partner takes or reports, or what undoes those it reported."""
    order, money = written.order, written.money
    if request.is_cancellation:
        undoing = write_external_cancellation(order=order, request=request, now=now)
        return replace(written, operations=written.operations + undoing)
    if order.status == BookingStatus.CONFIRMED:
        charged = write_balance_charge(order=order, request=request, money=money, now=now)
        return replace(written, charged=charged)
    if order.status != BookingStatus.ON_HOLD:
        return written
    prepared = prepare(order, request, now, money=money)
    return replace(written, prepared=prepared, charged=write_charge(order=order, request=request, money=money, now=now))


def _apply(
    order_id: UUID, update: Callable[[datetime], _Changed], gift_code: str | None, now: datetime
) -> _Written[_Changed]:
    """Change under the order's lock, let a gift pay, and give back what is too much then.

    :raises PaymentDue: the change would leave something confirmed unpaid.
    """
    before = booking_services.lock_order(order_id=order_id)
    asked_before, customer_before = amount_to_collect(before), before.customer_id
    changed = update(now)
    order = order_of(changed)
    follow_customer(order=order, previous_id=customer_before)
    if gift_code is not None:
        apply_gift(order=order, code=gift_code, now=now)
    money = order_money(order)
    is_dearer = money.to_collect_minor > asked_before.minor
    if order.status == BookingStatus.CONFIRMED and is_dearer and not money.is_covered:
        raise PaymentDue(
            "The change costs more than has been paid; nothing was changed.",
            due=asked_for(order, current_payment(order), Money(money.missing_minor, order.currency)),
        )
    operations: list[Transaction] = []
    if money.money_in_minor > 0 and money.certain_surplus_minor > 0:
        operations = give_back(
            order=order,
            amount_minor=money.certain_surplus_minor,
            reason="it became cheaper",
            requested_by="system",
            now=now,
        )
        money = order_money(order)
    return _Written(changed=changed, order=order, money=money, operations=operations)
