"""Let holds run out, but never one that a card paid or may have paid; confirm what was paid and forgotten."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction as database
from django.db.models import Exists, F, OuterRef, Q

from bookings import services as booking_services
from bookings.errors import BookingError
from bookings.models import BookingStatus, Order
from gateways.protocol import Capability
from gateways.registry import gateway_for
from money import Money
from payments.models import Case, CaseKind, Payment
from payments.selectors import current_payment, has_undecided_charge, has_undecided_money, order_money
from payments.services.cases import open_case
from payments.services.draining import drain
from payments.services.excess import return_excess
from payments.services.openings import close_openings
from payments.services.routing import is_set_up
from payments.services.tenders import return_all_tenders, settle_gift_sales, tenders_of
from payments.states import Status

log = structlog.get_logger(__name__)


def expire_holds(*, now: datetime, limit: int = 100) -> int:
    """Expire the orders whose hold has run out; return how many."""
    due = list(
        Order.objects.filter(status=BookingStatus.ON_HOLD, expires_at__lte=now)
        .order_by("expires_at")
        .values_list("pk", flat=True)[:limit]
    )
    return drain(due, lambda order_id: _expire(order_id, now), what="hold")


def _expire(order_id: UUID, now: datetime) -> bool:
    """Close what a guest could still pay, then expire the order; keep it when it has money or an undecided charge.

    A part that was only reported from elsewhere keeps nothing for longer than the hold it came to: one cent would keep
    seats for ever that the next guest would pay in full.
    """
    with database.atomic():
        order = booking_services.lock_order(order_id=order_id)
        if order.status != BookingStatus.ON_HOLD or order.expires_at is None or order.expires_at > now:
            return False
        _let_tenders_go(order, now)
        part = _forgotten_part(order)
        if part is not None:
            _end_with_part(order, part, now)
            return True
        if has_undecided_money(order):
            until = now + timedelta(minutes=settings.PAYMENTS["KEEP_PAID_HOLD_MINUTES"])
            booking_services.keep_hold(order=order, until=until, now=now)
            return False
        close_openings(order=order)
        booking_services.expire_order(order=order, now=now)
        return True


def _let_tenders_go(order: Order, now: datetime) -> None:
    """Give gifts and credit back what they paid on a hold that ran out, unless a card paid the rest or may have."""
    if order.money_in_minor == 0 or order.money_in_minor > sum(one.amount_minor for one in tenders_of(order)):
        return
    if not has_undecided_charge(order):
        return_all_tenders(order=order, now=now)


def _forgotten_part(order: Order) -> Payment | None:
    """Return the payment by which a part of an order was reported from elsewhere, where that is all that is there.

    None where a card paid, holds money or may have paid, and where all was paid: that is for its partner to confirm, or
    for staff to see.
    """
    is_there = Q(captured_minor__gt=F("refunded_minor")) | Q(authorized_minor__gt=0)
    paid = Payment.objects.filter(is_there, order=order)
    payments = list(paid.select_related("account").order_by("-created_at"))
    if not payments or not all(_is_taken_elsewhere(payment) for payment in payments):
        return None
    money = order_money(order)
    return payments[0] if money.asked_minor == 0 and 0 < money.due_minor < money.wanted_minor else None


def _is_taken_elsewhere(payment: Payment) -> bool:
    return is_set_up(payment.account) and Capability.CHARGE_EXTERNAL in gateway_for(payment.account).capabilities


def _end_with_part(order: Order, payment: Payment, now: datetime) -> None:
    """Free the seats of a locked order that a part was reported for, and show staff the part."""
    return_all_tenders(order=order, now=now)
    money = order_money(order)
    close_openings(order=order)
    booking_services.expire_order(order=order, now=now, keeps_money=True)
    taken, wanted = Money(money.money_in_minor, order.currency), Money(money.wanted_minor, order.currency)
    detail = f"{taken} of {wanted} was reported from elsewhere and the rest never came; the hold ran out"
    open_case(payment=payment, kind=CaseKind.PAID_WITHOUT_SEATS, detail=detail, now=now)
    log.info("hold_expired_half_paid", order=order.reference, taken_minor=money.money_in_minor)


def confirm_paid_orders(*, now: datetime, limit: int = 100) -> int:
    """Confirm what was paid in full and never confirmed, by the account's rule; without a rule show it to staff.

    Who charges a card's own details sends no confirmation after it, so that what such a charge paid late is confirmed
    as it would have been at once.
    """
    paid = Payment.objects.filter(order=OuterRef("pk"))
    is_shown = Exists(
        Case.objects.filter(payment__order=OuterRef("pk"), kind=CaseKind.PAID_UNCONFIRMED, closed_at__isnull=True)
    )
    has_rule = Q(account__confirm_paid_after_minutes__isnull=False) | Q(is_one_charge=True)
    orders = (
        Order.objects.filter(Exists(paid.filter(captured_minor__gt=0)), status=BookingStatus.ON_HOLD)
        .filter(~is_shown | Exists(paid.filter(has_rule)))
        .order_by("updated_at")
    )
    waiting = list(orders.values_list("pk", flat=True)[:limit])
    return drain(waiting, lambda order_id: _confirm_or_show(order_id, now), what="paid order")


def _confirm_or_show(order_id: UUID, now: datetime) -> bool:
    """Say whether the account's rule confirmed the order."""
    with database.atomic():
        order = booking_services.lock_order(order_id=order_id)
        payment = current_payment(order)
        if order.status != BookingStatus.ON_HOLD or payment is None:
            return False
        money = order_money(order)
        paid_at = _paid_since(order)
        rule = 0 if payment.is_one_charge else payment.account.confirm_paid_after_minutes
        if rule is not None and money.is_covered and paid_at <= now - timedelta(minutes=rule):
            try:
                with database.atomic():
                    settle_gift_sales(order=booking_services.confirm_order(order=order, now=now), now=now)
                    return_excess(order=order, money=money, is_changed=False, now=now)
            except BookingError as error:
                open_case(payment=payment, kind=CaseKind.PAID_UNCONFIRMED, detail=str(error), now=now)
                return False
            log.info("order_confirmed_by_rule", order=order.reference)
            return True
        if paid_at <= now - timedelta(minutes=settings.PAYMENTS["PAID_UNCONFIRMED_CASE_MINUTES"]):
            taken, due = Money(money.money_in_minor, order.currency), Money(money.due_minor, order.currency)
            detail = f"{taken} taken, {due} due, never confirmed"
            open_case(payment=payment, kind=CaseKind.PAID_UNCONFIRMED, detail=detail, now=now)
        return False


def _paid_since(order: Order) -> datetime:
    last = order.transactions.filter(status=Status.PROCESSED, decided_at__isnull=False).order_by("-decided_at").first()
    return last.decided_at if last is not None and last.decided_at is not None else order.updated_at
