"""Hold seats and have something ready that a guest can pay."""

from dataclasses import dataclass

from django.db import transaction as database

from bookings import services as booking_services
from bookings.models import Booking, BookingStatus, Partner
from bookings.requests import ReserveRequest
from bookings.selectors import amount_to_collect
from payments.selectors import nothing_paid_yet, order_money
from payments.services.charging import refuse_what_was_refused, write_charge
from payments.services.collecting import (
    CardPaymentView,
    PaymentRequest,
    Prepared,
    describe_payment,
    open_prepared,
    prepare,
    view_of,
)
from payments.services.operations import Clock, perform_claimed
from payments.services.tenders import apply_gift


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Be a hold, and what there is to tell of its card payment; None where the caller takes none, or no account
    does.
    """

    booking: Booking
    card_payment: CardPaymentView | None


def reserve_booking(
    *,
    partner: Partner,
    is_live: bool,
    request: ReserveRequest,
    payment_request: PaymentRequest | None,
    clock: Clock,
    gift_code: str | None = None,
) -> Reservation:
    """Hold seats and, when the caller can take card payments, prepare what a guest can pay.

    `payment_request` is None for a caller without card payments. A gateway that does not answer costs the session,
    never the hold: the next read asks again with the same key.

    :raises BookingError: nothing was written.
    :raises PaymentError: the wish cannot be met; nothing was written.
    """
    refuse_what_was_refused(payment_request)
    now = clock()
    with database.atomic():
        booking = booking_services.reserve_booking(partner=partner, is_live=is_live, request=request, now=now)
        order = booking.order
        is_new = booking.created_at == now
        has_gift = bool(gift_code) and is_new
        if gift_code and is_new:
            apply_gift(order=order, code=gift_code, now=now)
        if payment_request is None:
            return Reservation(booking=booking, card_payment=None)
        if not is_new:
            order = booking_services.lock_order(order_id=order.pk)
        to_collect = amount_to_collect(order, [booking]) if is_new else None
        money = nothing_paid_yet(to_collect) if to_collect and not has_gift else order_money(order)
        prepared = Prepared()
        charged = None
        if order.status == BookingStatus.ON_HOLD:
            prepared = prepare(order, payment_request, now, money=money, is_new=is_new)
            if is_new and payment_request.external is not None:
                charged = write_charge(order=order, request=payment_request, money=money, now=now)
    country_code = booking.product.supplier.country_code
    if charged is not None:
        perform_claimed(operation=charged, clock=clock, external=payment_request.external)
    else:
        open_prepared(prepared, country_code, clock)
    if not is_new or charged is not None:
        return Reservation(booking=booking, card_payment=describe_payment(order=order, clock=clock))
    view = view_of(order, prepared.payment, prepared.opening, money, now, country_code=country_code)
    return Reservation(booking=booking, card_payment=view)
