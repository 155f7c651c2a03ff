"""Hold seats, gifts and whole orders, and have something ready that a guest can pay."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db import transaction as database

from bookings import services as booking_services
from bookings.models import Booking, BookingStatus, Gift, Order, Partner
from bookings.requests import GiftRequest, OrderRequest, ReserveRequest
from bookings.selectors import amount_to_collect, order_of
from payments.models import Transaction
from payments.selectors import OrderMoney, nothing_paid_yet, order_money
from payments.services.charging import refuse_what_was_refused, told_by, write_charge
from payments.services.collecting import PaymentRequest, Prepared, describe_payment, open_prepared, prepare
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.operations import Clock, perform_claimed
from payments.services.tenders import apply_gift
from payments.services.viewing import CardPaymentView, country_code_of, view_of

_Held = TypeVar("_Held", Booking, Gift, Order)


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

    def reserve(now: datetime) -> Booking:
        return booking_services.reserve_booking(partner=partner, is_live=is_live, request=request, now=now)

    booking, view = _hold(reserve, payment_request, clock, gift_code)
    return Reservation(booking=booking, card_payment=view)


def create_order(
    *,
    partner: Partner,
    is_live: bool,
    request: OrderRequest,
    payment_request: PaymentRequest | None,
    clock: Clock,
    gift_code: str | None = None,
) -> tuple[Order, CardPaymentView | None]:
    """Hold an order with all its bookings and, as `reserve_booking` does, prepare what a guest can pay.

    :raises BookingError: nothing was written.
    :raises PaymentError: the wish cannot be met; nothing was written.
    """

    def create(now: datetime) -> Order:
        return booking_services.create_order(partner=partner, is_live=is_live, request=request, now=now)

    return _hold(create, payment_request, clock, gift_code)


def create_gift(
    *,
    partner: Partner,
    is_live: bool,
    request: GiftRequest,
    payment_request: PaymentRequest | None,
    clock: Clock,
    gift_code: str | None = None,
) -> tuple[Gift, CardPaymentView | None]:
    """Hold a gift and, as `reserve_booking` does, prepare what a guest can pay.

    :raises BookingError: nothing was written.
    :raises PaymentError: the wish cannot be met; nothing was written.
    """

    def create(now: datetime) -> Gift:
        return booking_services.create_gift(partner=partner, is_live=is_live, request=request, now=now)

    return _hold(create, payment_request, clock, gift_code)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Be what was committed of paying for a hold, and is to be sent; `is_new` says that nobody can have paid yet."""

    order: Order
    bookings: Sequence[Booking]
    money: OrderMoney
    is_new: bool
    prepared: Prepared
    charged: Transaction | None


def _hold(
    hold: Callable[[datetime], _Held], payment_request: PaymentRequest | None, clock: Clock, gift_code: str | None
) -> tuple[_Held, CardPaymentView | None]:
    refuse_what_was_refused(payment_request)
    now = clock()
    held, asked = _write(hold, payment_request, gift_code, now)
    if payment_request is None or asked is None:
        return held, None
    order, prepared = asked.order, asked.prepared
    if asked.charged is not None:
        perform_claimed(operation=asked.charged, clock=clock, told=told_by(payment_request))
    elif prepared.is_claimed:
        open_prepared(prepared, _country_code(order, asked.bookings), clock)
    if not asked.is_new or asked.charged is not None:
        return held, describe_payment(order=order, clock=clock)
    country_code = _country_code(order, asked.bookings)
    return held, view_of(order, prepared.payment, prepared.opening, asked.money, now, country_code=country_code)


@tried_again_after_lock_timeout
def _write(
    hold: Callable[[datetime], _Held], payment_request: PaymentRequest | None, gift_code: str | None, now: datetime
) -> tuple[_Held, _Asked | None]:
    with database.atomic():
        held = hold(now)
        order = order_of(held)
        # A call that is repeated finds what it made before: its gift has paid, and an empty code has nothing to void.
        has_gift = bool(gift_code) and held.created_at == now
        if gift_code and has_gift:
            apply_gift(order=order, code=gift_code, now=now)
        if payment_request is None:
            return held, None
        bookings = [held] if isinstance(held, Booking) else list(order.bookings.all())
        is_new = order.was_just_made and not has_gift
        if not is_new:
            order = booking_services.lock_order(order_id=order.pk)
        money = nothing_paid_yet(amount_to_collect(order, bookings)) if is_new else order_money(order)
        prepared, charged = Prepared(), None
        if order.status == BookingStatus.ON_HOLD:
            prepared = prepare(order, payment_request, now, money=money, is_new=is_new)
            takes_money = payment_request.external is not None or payment_request.card_id is not None
            # A call that is repeated finds what it made before, and takes nothing a second time.
            if takes_money and held.created_at == now:
                charged = write_charge(order=order, request=payment_request, money=money, now=now)
    asked = _Asked(order=order, bookings=bookings, money=money, is_new=is_new, prepared=prepared, charged=charged)
    return held, asked


def _country_code(order: Order, bookings: Sequence[Booking]) -> str:
    return bookings[0].product.supplier.country_code if bookings else country_code_of(order)
