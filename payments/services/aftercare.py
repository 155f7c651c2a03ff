"""What happens to money after it was taken: capture, release, refund, and giving back what a cancelled booking cost."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import transaction as database

from bookings import services as booking_services
from bookings.models import Booking, BookingStatus, Gift, Order
from bookings.selectors import order_of
from money import Money
from payments.errors import CaptureTooLarge, NothingToVoid, RefundTooLarge
from payments.models import Payment, Transaction
from payments.selectors import order_money
from payments.services.customer_credit import lock_credit, refundable_of_top_up
from payments.services.guarding import refuse_after_change, refuse_while_unknown
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.openings import close_openings
from payments.services.operations import Clock, Patience, perform
from payments.services.returning import give_back, gives_surcharge_back
from payments.services.surplus import (
    new_operation,
    refund_leftovers,
    refund_rows,
    refundable_of_payment,
    unused_holds,
)
from payments.services.tenders import settle_gift_sales
from payments.splitting import part_of
from payments.states import OperationKind, Status

_Cancelled = TypeVar("_Cancelled", Booking, Gift, Order)
Noted = Callable[[list[Transaction]], None]


def capture_payment(
    *, payment: Payment, money: Money, requested_by: str, clock: Clock, operations_seen: int | None = None
) -> Transaction:
    """Ask the gateway for authorized money, whole or in part.

    `money` is in minor units and must fit into one hold. `operations_seen` is as for `refund_payment`.

    :raises CaptureTooLarge: no hold is that large, or it is no amount of this payment; nothing was sent.
    :raises PaymentChanged: the payment has other operations than were seen; nothing was sent.
    :raises OutcomeUnknown: an earlier operation of the payment is undecided; nothing was sent.
    """
    now = clock()
    with database.atomic():
        locked = _lock(payment, operations_seen)
        holds = [row for row in _unused_holds(locked) if 0 < money.minor <= row.amount_minor]
        if not holds or money.currency != locked.currency:
            raise CaptureTooLarge("There is no hold of that size to capture.", payment_reference=payment.reference)
        capture = new_operation(
            parent=holds[0],
            kind=OperationKind.CAPTURE,
            parts=part_of(money.minor, holds[0].parts),
            reason="asked by staff",
            requested_by=requested_by,
            now=now,
        )
    return perform(transaction_id=capture.id, clock=clock) or capture


def void_payment(
    *, payment: Payment, reason: str, requested_by: str, clock: Clock, operations_seen: int | None = None
) -> list[Transaction]:
    """Ask the gateway to release all that a payment still holds.

    :raises NothingToVoid: nothing is held; nothing was sent.
    :raises PaymentChanged: the payment has other operations than were seen; nothing was sent.
    :raises OutcomeUnknown: an earlier operation of the payment is undecided; nothing was sent.
    """
    now = clock()
    with database.atomic():
        locked = _lock(payment, operations_seen)
        voids = [
            new_operation(
                parent=hold,
                kind=OperationKind.VOID,
                parts=hold.parts,
                reason=reason,
                requested_by=requested_by,
                now=now,
            )
            for hold in _unused_holds(locked)
        ]
        if not voids:
            raise NothingToVoid("Nothing is held that could be released.", payment_reference=payment.reference)
    return [perform(transaction_id=void.id, clock=clock) or void for void in voids]


def capturable(payment: Payment) -> Money:
    """Return the largest amount one capture can ask for."""
    return Money(max((hold.amount_minor for hold in _unused_holds(payment)), default=0), payment.currency)


def refund_payment(
    *,
    payment: Payment,
    money: Money,
    reason: str,
    requested_by: str,
    clock: Clock,
    operations_seen: int | None = None,
    noted: Noted | None = None,
) -> list[Transaction]:
    """Ask the gateway to return part or all of a captured payment; the rows reserve the amount before the gateway
    hears of it.

    `money` is in minor units and must not exceed what is captured and not yet refunded or being refunded, surcharge
    and donation included: of it the price goes back first, then the surcharge, and the donation last. Several captures
    give several refunds, newest first. `operations_seen` is how many operations the payment had when the caller
    decided; rows are never deleted, so that one decision cannot be carried out twice. What the caller keeps of the rows
    is `noted` in the transaction that writes them, and undoes them by raising.

    :raises RefundTooLarge: nothing was sent.
    :raises PaymentChanged: the payment has other operations than were seen; nothing was sent.
    :raises OutcomeUnknown: an earlier operation of the payment is undecided; nothing was sent.
    """
    refunds = request_refund(
        payment_id=payment.id,
        money=money,
        reason=reason,
        requested_by=requested_by,
        now=clock(),
        operations_seen=operations_seen,
        noted=noted,
    )
    return [perform(transaction_id=refund.id, clock=clock) or refund for refund in refunds]


@tried_again_after_lock_timeout
def request_refund(
    *,
    payment_id: UUID,
    money: Money,
    reason: str,
    requested_by: str,
    now: datetime,
    operations_seen: int | None = None,
    noted: Noted | None = None,
) -> list[Transaction]:
    """Write the rows of a refund, which reserve its amount under the payment's lock; nothing is sent.

    :raises RefundTooLarge: more than is left to give back, or of a top-up more than is unspent; nothing was written.
    :raises PaymentChanged: the payment has other operations than `operations_seen`; nothing was written.
    :raises OutcomeUnknown: an earlier operation of the payment is undecided; nothing was written.
    """
    with database.atomic():
        payment = Payment.objects.select_related("order").get(pk=payment_id)
        lock_credit(payment.order)
        payment = _lock(payment, operations_seen)
        limit = refundable_of_top_up(payment, refundable_of_payment(payment))
        if money.currency != payment.currency or not 0 < money.minor <= limit.minor:
            raise RefundTooLarge(
                f"At most {limit} can be given back.", refundable=limit, payment_reference=payment.reference
            )
        taken = _processed(payment, OperationKind.SALE, OperationKind.CAPTURE)
        refunds = refund_rows(taken, amount_minor=money.minor, reason=reason, requested_by=requested_by, now=now)
        if noted is not None:
            noted(refunds)
        return refunds


def cancel_booking(*, booking: Booking, reason: str, force: bool, clock: Clock) -> Booking:
    """Cancel a booking and give back what its order has beyond what is still to collect, newest first: holds released,
    captures refunded.

    After the cutoff only staff cancel (`force`), and nothing is given back by itself. The surcharge goes back with the
    price, unless the settings keep that of a booking that was confirmed.

    :raises BookingError: it cannot be cancelled; nothing was written.
    """

    def cancel(now: datetime) -> Booking:
        return booking_services.cancel_booking(booking=booking, reason=reason, force=force, now=now)

    return _cancel(booking.order_id, cancel, reason, clock)


def cancel_gift(*, gift: Gift, reason: str, clock: Clock) -> Gift:
    """Cancel a gift nobody has paid with, and give back what was taken for it, as `cancel_booking` does.

    :raises BookingError: it cannot be cancelled; nothing was written.
    """

    def cancel(now: datetime) -> Gift:
        return booking_services.cancel_gift(gift=gift, reason=reason, now=now)

    return _cancel(gift.order_id, cancel, reason, clock)


def cancel_order(*, order: Order, reason: str, force: bool, clock: Clock) -> Order:
    """Cancel everything in an order and give back what was taken for it, as `cancel_booking` does.

    :raises BookingError: something in it cannot be cancelled; nothing was written.
    """

    def cancel(now: datetime) -> Order:
        return booking_services.cancel_order(order=order, reason=reason, force=force, now=now)

    return _cancel(order.pk, cancel, reason, clock)


def _cancel(order_id: UUID, cancel: Callable[[datetime], _Cancelled], reason: str, clock: Clock) -> _Cancelled:
    patience = Patience(clock)
    cancelled, operations = _write_cancellation(order_id, cancel, reason, clock())
    for operation in operations:
        if patience.allows_a_call():
            perform(transaction_id=operation.id, clock=clock)
    return cancelled


@tried_again_after_lock_timeout
def _write_cancellation(
    order_id: UUID, cancel: Callable[[datetime], _Cancelled], reason: str, now: datetime
) -> tuple[_Cancelled, list[Transaction]]:
    """Cancel, and write the operations that give back what is too much then."""
    operations: list[Transaction] = []
    with database.atomic():
        before = booking_services.lock_order(order_id=order_id)
        was_open = before.status in (BookingStatus.ON_HOLD, BookingStatus.CONFIRMED)
        returns_surcharge = gives_surcharge_back(before)
        cancelled = cancel(now)
        order = order_of(cancelled)
        if was_open:
            settle_gift_sales(order=order, now=now)
            close_openings(order=order)
            money = order_money(order)
            # What is undecided is given back when it turns out to be there.
            why = reason or "cancelled"
            if money.certain_surplus_minor > 0:
                operations = give_back(
                    order=order,
                    amount_minor=money.certain_surplus_minor,
                    reason=why,
                    requested_by="partner",
                    now=now,
                    returns_surcharge=returns_surcharge,
                )
            if returns_surcharge and money.to_collect_minor == money.kept_minor == 0:
                operations += refund_leftovers(order=order, reason=why, requested_by="partner", now=now)
    return cancelled, operations


def _lock(payment: Payment, operations_seen: int | None) -> Payment:
    """Lock order and payment, in that order; refuse after a change, and while an operation's outcome is unknown."""
    booking_services.lock_order(order_id=payment.order_id)
    locked = Payment.objects.select_for_update(of=("self",)).select_related("account").get(pk=payment.pk)
    refuse_after_change(operations_seen, locked.transactions.count(), payment_reference=locked.reference)
    refuse_while_unknown(locked.transactions.all(), payment_reference=locked.reference)
    return locked


def _processed(payment: Payment, *kinds: OperationKind) -> list[Transaction]:
    return list(payment.transactions.filter(kind__in=kinds, status=Status.PROCESSED).order_by("-requested_at", "-id"))


def _unused_holds(payment: Payment) -> list[Transaction]:
    return list(unused_holds(payment.transactions.all()).order_by("-requested_at", "-id"))
