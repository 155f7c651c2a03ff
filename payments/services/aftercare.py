"""What happens to money after it was taken: capture, release, refund, and giving back what a cancelled booking cost."""

from datetime import datetime
from uuid import UUID

from django.db import transaction as database

from bookings import services as booking_services
from bookings.models import Booking, BookingStatus
from money import Money
from payments.errors import CaptureTooLarge, NothingToVoid, OutcomeUnknown, PaymentChanged, RefundTooLarge
from payments.models import Payment, Transaction
from payments.selectors import order_money
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.openings import close_openings
from payments.services.operations import Clock, Patience, perform
from payments.services.surplus import has_been_used, new_operation, plan_return, refundable_minor
from payments.states import OperationKind, Status


def capture_payment(*, payment: Payment, money: Money, requested_by: str, clock: Clock) -> Transaction:
    """Ask the gateway for authorized money, whole or in part.

    :raises CaptureTooLarge: more than is held; nothing was sent.
    :raises OutcomeUnknown: an earlier operation of the payment is undecided; nothing was sent.
    """
    now = clock()
    with database.atomic():
        locked = _lock(payment)
        for authorization in _processed(locked, OperationKind.AUTHORIZATION):
            if not has_been_used(authorization) and money.minor <= authorization.amount_minor:
                capture = new_operation(
                    parent=authorization,
                    kind=OperationKind.CAPTURE,
                    amount_minor=money.minor,
                    reason="asked by staff",
                    requested_by=requested_by,
                    now=now,
                )
                break
        else:
            raise CaptureTooLarge("There is no hold of that size to capture.", payment_reference=payment.reference)
    return perform(transaction_id=capture.id, clock=clock) or capture


def void_payment(*, payment: Payment, reason: str, requested_by: str, clock: Clock) -> Transaction:
    """Ask the gateway to release an authorization.

    :raises NothingToVoid: nothing is held; nothing was sent.
    """
    now = clock()
    with database.atomic():
        locked = _lock(payment)
        unused = [row for row in _processed(locked, OperationKind.AUTHORIZATION) if not has_been_used(row)]
        if not unused:
            raise NothingToVoid("Nothing is held that could be released.", payment_reference=payment.reference)
        void = new_operation(
            parent=unused[0],
            kind=OperationKind.VOID,
            amount_minor=unused[0].amount_minor,
            reason=reason,
            requested_by=requested_by,
            now=now,
        )
    return perform(transaction_id=void.id, clock=clock) or void


def refund_payment(
    *,
    payment: Payment,
    money: Money,
    reason: str,
    requested_by: str,
    clock: Clock,
    operations_seen: int | None = None,
) -> list[Transaction]:
    """Ask the gateway to return part or all of a captured payment; the rows reserve the amount before the gateway
    hears of it.

    `money` is in minor units and must not exceed what is captured and not yet refunded or being refunded. Several
    captures give several refunds, newest first. `operations_seen` is how many operations the payment had when the
    caller decided; rows are never deleted, so that one decision cannot be carried out twice.

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
) -> list[Transaction]:
    """Write the rows of a refund, which reserve its amount under the payment's lock; nothing is sent.

    :raises RefundTooLarge: more than is left to give back; nothing was written.
    :raises PaymentChanged: the payment has other operations than `operations_seen`; nothing was written.
    """
    with database.atomic():
        payment = _lock(Payment.objects.get(pk=payment_id))
        if operations_seen is not None and payment.transactions.count() != operations_seen:
            raise PaymentChanged(
                "Something happened to the payment since you looked at it; nothing was asked of the gateway.",
                payment_reference=payment.reference,
            )
        taken = [(row, refundable_minor(row)) for row in _processed(payment, OperationKind.SALE, OperationKind.CAPTURE)]
        limit = _refundable(payment, [left for _, left in taken])
        if money.currency != payment.currency or not 0 < money.minor <= limit.minor:
            raise RefundTooLarge(
                f"At most {limit} can be given back.", refundable=limit, payment_reference=payment.reference
            )
        left_to_plan = money.minor
        refunds = []
        for row, left in taken:
            amount = min(left, left_to_plan)
            if amount > 0:
                refunds.append(
                    new_operation(
                        parent=row,
                        kind=OperationKind.REFUND,
                        amount_minor=amount,
                        reason=reason,
                        requested_by=requested_by,
                        now=now,
                    )
                )
                left_to_plan -= amount
        return refunds


def refundable(payment: Payment) -> Money:
    """Return what of a payment can still be given back; only under the payment's lock does it stay so."""
    taken = _processed(payment, OperationKind.SALE, OperationKind.CAPTURE)
    return _refundable(payment, [refundable_minor(row) for row in taken])


def cancel_booking(*, booking: Booking, reason: str, force: bool, clock: Clock) -> Booking:
    """Cancel a booking and give back what was taken for it, newest first: holds released, captures refunded.

    After the cutoff only staff cancel (`force`), and nothing is given back by itself.

    :raises BookingError: it cannot be cancelled; nothing was written.
    """
    now = clock()
    patience = Patience(clock)
    with database.atomic():
        order = booking_services.lock_order(order_id=booking.order_id)
        was_open = order.status in (BookingStatus.ON_HOLD, BookingStatus.CONFIRMED)
        cancelled = booking_services.cancel_booking(booking=booking, reason=reason, force=force, now=now)
        order = cancelled.order
        operations = []
        if was_open:
            close_openings(order=order)
            money = order_money(order)
            has_refund = cancelled.cancellation_refund != "NONE"
            surplus = (
                money.surplus_minor - money.asked_minor
            )  # what is undecided is given back when it turns out to be there
            if has_refund and surplus > 0:
                operations = plan_return(
                    order=order,
                    amount_minor=surplus,
                    reason=reason or "booking cancelled",
                    requested_by="partner",
                    now=now,
                )
    for operation in operations:
        if patience.allows_a_call():
            perform(transaction_id=operation.id, clock=clock)
    return cancelled


def _lock(payment: Payment) -> Payment:
    """Lock order and payment, in that order, and refuse while an operation's outcome is unknown."""
    booking_services.lock_order(order_id=payment.order_id)
    locked = Payment.objects.select_for_update(of=("self",)).select_related("account").get(pk=payment.pk)
    unknown = locked.transactions.filter(unknown_since_at__isnull=False, status=Status.PENDING).first()
    if unknown is not None and unknown.unknown_since_at is not None:
        raise OutcomeUnknown(
            f"The outcome of {unknown.kind} {unknown.reference} is unknown; nothing new may be asked till then.",
            since=unknown.unknown_since_at,
            payment_reference=locked.reference,
        )
    return locked


def _processed(payment: Payment, *kinds: OperationKind) -> list[Transaction]:
    return list(payment.transactions.filter(kind__in=kinds, status=Status.PROCESSED).order_by("-requested_at", "-id"))


def _refundable(payment: Payment, left_of_each: list[int]) -> Money:
    return Money(max(0, min(sum(left_of_each), _left_of(payment))), payment.currency)


def _left_of(payment: Payment) -> int:
    """Return what of the payment as a whole is neither given back, being given back nor charged back."""
    pending = sum(
        payment.transactions.filter(kind=OperationKind.REFUND, status=Status.PENDING).values_list(
            "amount_minor", flat=True
        )
    )
    return payment.captured_minor - payment.refunded_minor - payment.charged_back_minor - pending
