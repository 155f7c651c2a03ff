"""Change a booking together with what is asked for it."""

from django.db import transaction as database

from bookings import services as booking_services
from bookings.models import Booking, BookingStatus
from bookings.requests import BookingChanges
from bookings.selectors import amount_to_collect
from money import Money
from payments.errors import PaymentDue
from payments.models import Transaction
from payments.selectors import order_money
from payments.services.charging import (
    refuse_what_was_refused,
    write_charge,
    write_external_cancellation,
)
from payments.services.collecting import PaymentRequest, Prepared, open_prepared, prepare
from payments.services.operations import Clock, Patience, perform, perform_claimed
from payments.services.returning import give_back
from payments.services.tenders import apply_gift


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
    refuse_what_was_refused(payment_request)
    now = clock()
    patience = Patience(clock)
    operations: list[Transaction] = []
    with database.atomic():
        order = booking_services.lock_order(order_id=booking.order_id)
        asked_before = amount_to_collect(order)
        changed = booking_services.update_booking(booking=booking, changes=changes, now=now)
        order = changed.order
        if gift_code is not None:
            apply_gift(order=order, code=gift_code, now=now)
        prepared = Prepared()
        money = order_money(order)
        is_dearer = money.to_collect_minor > asked_before.minor
        if order.status == BookingStatus.CONFIRMED and is_dearer and not money.is_covered:
            raise PaymentDue(
                "The change costs more than has been paid; nothing was changed.",
                due=Money(money.due_minor, order.currency),
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
            if payment_request.external is not None:
                charged = write_charge(order=order, request=payment_request, money=money, now=now)
    for operation in operations:
        if patience.allows_a_call():
            perform(transaction_id=operation.id, clock=clock)
    if charged is not None and payment_request is not None:
        perform_claimed(operation=charged, clock=clock, external=payment_request.external)
    elif patience.allows_a_call():
        open_prepared(prepared, changed.product.supplier.country_code, clock)
    return changed
