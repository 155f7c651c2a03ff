"""Change a booking or an order together with what is asked for it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import transaction as database

from bookings import services as booking_services
from bookings.models import Booking, BookingStatus, Order
from bookings.requests import BookingChanges, OrderChanges
from bookings.selectors import amount_to_collect
from money import Money
from payments.errors import PaymentDue
from payments.models import Transaction
from payments.selectors import current_payment, order_money
from payments.services.balances import write_balance_charge
from payments.services.cards import follow_customer
from payments.services.charging import (
    refuse_what_was_refused,
    told_by,
    write_charge,
    write_external_cancellation,
)
from payments.services.collecting import (
    CardPaymentView,
    PaymentRequest,
    Prepared,
    country_code_of,
    open_prepared,
    prepare,
    view_of,
)
from payments.services.operations import Clock, Patience, perform, perform_claimed
from payments.services.returning import give_back
from payments.services.tenders import apply_gift

_Changed = TypeVar("_Changed", Booking, Order)
_Shown = TypeVar("_Shown")


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

    :raises PaymentDue: the change would leave a confirmed booking unpaid; nothing was written.
    :raises BookingError: a change is impossible; nothing was written.
    :raises PaymentError: the wish cannot be met; nothing was written.
    """

    def update(now: datetime) -> Booking:
        return booking_services.update_booking(booking=booking, changes=changes, now=now)

    return _change(booking.order_id, update, payment_request, clock, gift_code)


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
    now = clock()
    with database.atomic():
        before = current_payment(order)
        changed = booking_services.update_order(order=order, changes=changes, now=now)
        if gift_code is not None:
            apply_gift(order=changed, code=gift_code, now=now)
        money = order_money(changed)
        payment = before
        if payment_request is not None and changed.status == BookingStatus.ON_HOLD:
            payment = prepare(changed, payment_request, now, money=money).payment or before
        view = view_of(changed, payment, None, money, now)
        if view is not None and payment != before:
            view = replace(view, payment_id=None, reference=None)  # nobody will ever find what is rolled back
        shown = show(changed, view)
        database.set_rollback(True)
    return shown


def _change(
    order_id: UUID,
    update: Callable[[datetime], _Changed],
    payment_request: PaymentRequest | None,
    clock: Clock,
    gift_code: str | None,
) -> _Changed:
    refuse_what_was_refused(payment_request)
    now = clock()
    patience = Patience(clock)
    operations: list[Transaction] = []
    with database.atomic():
        before = booking_services.lock_order(order_id=order_id)
        asked_before, customer_before = amount_to_collect(before), before.customer_id
        changed = update(now)
        order = changed.order if isinstance(changed, Booking) else changed
        follow_customer(order=order, previous_id=customer_before)
        if gift_code is not None:
            apply_gift(order=order, code=gift_code, now=now)
        prepared = Prepared()
        money = order_money(order)
        is_dearer = money.to_collect_minor > asked_before.minor
        if order.status == BookingStatus.CONFIRMED and is_dearer and not money.is_covered:
            raise PaymentDue(
                "The change costs more than has been paid; nothing was changed.",
                due=Money(money.missing_minor, order.currency),
            )
        if money.money_in_minor > 0 and money.certain_surplus_minor > 0:
            operations = give_back(
                order=order,
                amount_minor=money.certain_surplus_minor,
                reason="the booking became cheaper",
                requested_by="system",
                now=now,
            )
        charged = None
        if payment_request is not None and payment_request.is_cancellation:
            operations += write_external_cancellation(order=order, request=payment_request, now=now)
        elif payment_request is not None and order.status == BookingStatus.ON_HOLD:
            prepared = prepare(order, payment_request, now, money=money)
            if payment_request.external is not None or payment_request.card_id is not None:
                charged = write_charge(order=order, request=payment_request, money=money, now=now)
        elif payment_request is not None and order.status == BookingStatus.CONFIRMED:
            charged = write_balance_charge(order=order, request=payment_request, money=money, now=now)
    for operation in operations:
        if patience.allows_a_call():
            perform(transaction_id=operation.id, clock=clock)
    if charged is not None and payment_request is not None:
        perform_claimed(operation=charged, clock=clock, told=told_by(payment_request))
    elif prepared.is_claimed and patience.allows_a_call():
        open_prepared(prepared, country_code_of(order), clock)
    return changed
