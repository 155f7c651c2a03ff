"""Sell gifts: hold one and have something ready that a guest can pay, change it, cancel it and give the money back."""

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction as database

from bookings import services as booking_services
from bookings.models import BookingStatus, Gift, Partner
from bookings.requests import GiftChanges, GiftRequest
from payments.models import Transaction
from payments.selectors import current_payment, order_money
from payments.services.charging import refuse_what_was_refused, told_by, write_charge, write_external_cancellation
from payments.services.collecting import (
    CardPaymentView,
    PaymentRequest,
    Prepared,
    country_code_of,
    open_prepared,
    prepare,
    view_of,
)
from payments.services.openings import close_openings
from payments.services.operations import Clock, Patience, perform, perform_claimed
from payments.services.returning import give_back
from payments.services.surplus import leftover_surcharges
from payments.services.tenders import GiftPayment, apply_gift, gift_payments, settle_gift_sales


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Be a gift as it would be, and what there would be to tell of its payment."""

    gift: Gift
    card_payment: CardPaymentView | None
    gift_payment: GiftPayment | None


def create_gift(
    *,
    partner: Partner,
    is_live: bool,
    request: GiftRequest,
    payment_request: PaymentRequest | None,
    clock: Clock,
    gift_code: str | None = None,
) -> Gift:
    """Hold a gift and, when the caller can take card payments, prepare what a guest can pay.

    A repeat of the same call shows the gift as it stands; a `gift_code` pays with the first one only.

    :raises BookingError: nothing was written.
    :raises PaymentError: the wish cannot be met; nothing was written.
    """
    refuse_what_was_refused(payment_request)
    now = clock()
    with database.atomic():
        gift = booking_services.create_gift(partner=partner, is_live=is_live, request=request, now=now)
        is_new = gift.created_at == now
        if gift_code and is_new:
            apply_gift(order=gift.order, code=gift_code, now=now)
        charged, prepared = _ask(gift, payment_request, clock) if is_new else (None, Prepared())
    _send(gift, charged, prepared, payment_request, [], clock)
    return gift


def update_gift(
    *,
    gift: Gift,
    changes: GiftChanges,
    payment_request: PaymentRequest | None,
    clock: Clock,
    gift_code: str | None = None,
) -> Gift:
    """Change a gift and what is asked for it; what is too much for a smaller one goes back.

    :raises BookingError: a change is impossible; nothing was written.
    :raises PaymentError: the wish cannot be met; nothing was written.
    """
    refuse_what_was_refused(payment_request)
    with database.atomic():
        changed, operations = _change(gift, changes, gift_code, clock)
        charged, prepared = None, Prepared()
        if payment_request is not None and payment_request.is_cancellation:
            operations += write_external_cancellation(order=changed.order, request=payment_request, now=clock())
        else:
            charged, prepared = _ask(changed, payment_request, clock)
    _send(changed, charged, prepared, payment_request, operations, clock)
    return changed


def preview_gift(*, gift: Gift, changes: GiftChanges, clock: Clock, gift_code: str | None = None) -> Preview:
    """Return a gift as it would be after a change; nothing is written and no gateway hears of it.

    :raises BookingError: the change would be refused.
    :raises PaymentError: the change would be refused.
    """
    now = clock()
    with database.atomic():
        changed, _ = _change(gift, changes, gift_code, clock)
        order = changed.order
        view = view_of(order, current_payment(order), None, order_money(order), now)
        preview = Preview(gift=changed, card_payment=view, gift_payment=gift_payments([order.pk]).get(order.pk))
        database.set_rollback(True)
    return preview


def cancel_gift(*, gift: Gift, reason: str, clock: Clock) -> Gift:
    """Cancel a gift nobody has paid with, and give back what was taken for it, newest first.

    :raises BookingError: it cannot be cancelled; nothing was written.
    """
    now = clock()
    with database.atomic():
        before = booking_services.lock_order(order_id=gift.order_id)
        returns_surcharge = before.status != BookingStatus.CONFIRMED or settings.PAYMENTS["REFUND_SURCHARGE"]
        cancelled = booking_services.cancel_gift(gift=gift, reason=reason, now=now)
        order = cancelled.order
        settle_gift_sales(order=order, now=now)
        close_openings(order=order)
        operations: list[Transaction] = []
        # What is undecided is given back when it turns out to be there.
        money, why = order_money(order), reason or "gift cancelled"
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
            operations += leftover_surcharges(order=order, reason=why, requested_by="partner", now=now)
    _send(cancelled, None, Prepared(), None, operations, clock)
    return cancelled


def _change(gift: Gift, changes: GiftChanges, gift_code: str | None, clock: Clock) -> tuple[Gift, list[Transaction]]:
    now = clock()
    changed = booking_services.update_gift(gift=gift, changes=changes, now=now)
    order = changed.order
    if gift_code is not None:
        apply_gift(order=order, code=gift_code, now=now)
    money = order_money(order)
    if money.money_in_minor <= 0 or money.certain_surplus_minor <= 0:
        return changed, []
    operations = give_back(
        order=order,
        amount_minor=money.certain_surplus_minor,
        reason="the gift became smaller",
        requested_by="system",
        now=now,
    )
    return changed, operations


def _ask(gift: Gift, request: PaymentRequest | None, clock: Clock) -> tuple[Transaction | None, Prepared]:
    """Write, under the order's lock, what a guest can pay, or the payment a partner reports."""
    order, now = gift.order, clock()
    if request is None or order.status != BookingStatus.ON_HOLD:
        return None, Prepared()
    money = order_money(order)
    prepared = prepare(order, request, now, money=money)
    if request.external is None and request.card_id is None:
        return None, prepared
    return write_charge(order=order, request=request, money=money, now=now), prepared


def _send(
    gift: Gift,
    charged: Transaction | None,
    prepared: Prepared,
    request: PaymentRequest | None,
    operations: list[Transaction],
    clock: Clock,
) -> None:
    """Send what was committed, as far as one request has the time; workers do the rest."""
    patience = Patience(clock)
    for operation in operations:
        if patience.allows_a_call():
            perform(transaction_id=operation.id, clock=clock)
    if charged is not None and request is not None:
        perform_claimed(operation=charged, clock=clock, told=told_by(request))
    elif prepared.is_claimed and patience.allows_a_call():
        open_prepared(prepared, country_code_of(gift.order), clock)
