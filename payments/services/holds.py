"""Let holds run out, but never one that has money or an undecided charge on it; confirm what was paid and forgotten."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction as database

from bookings import services as booking_services
from bookings.errors import BookingError
from bookings.models import BookingStatus, Order
from money import Money
from payments.models import Case, CaseKind, Payment
from payments.selectors import current_payment, has_undecided_money, order_money
from payments.services.cases import close_case, open_case
from payments.services.openings import close_openings

log = structlog.get_logger(__name__)


def expire_holds(*, now: datetime, limit: int = 100) -> int:
    """Expire the orders whose hold has run out; return how many."""
    due = list(
        Order.objects.filter(status=BookingStatus.ON_HOLD, expires_at__lte=now)
        .order_by("expires_at")
        .values_list("pk", flat=True)[:limit]
    )
    return sum(_expire(order_id, now) for order_id in due)


def _expire(order_id: UUID, now: datetime) -> bool:
    """Close what a guest could still pay, then expire the order; keep it when it has money or an undecided charge."""
    with database.atomic():
        order = booking_services.lock_order(order_id=order_id)
        if order.status != BookingStatus.ON_HOLD or order.expires_at is None or order.expires_at > now:
            return False
        if has_undecided_money(order):
            until = now + timedelta(minutes=settings.PAYMENTS["KEEP_PAID_HOLD_MINUTES"])
            booking_services.keep_hold(order=order, until=until, now=now)
            return False
        close_openings(order=order)
        booking_services.expire_order(order=order, now=now)
        return True


def confirm_paid_orders(*, now: datetime, limit: int = 100) -> int:
    """Confirm what was paid in full and never confirmed, by the account's rule; without a rule show it to staff."""
    overdue_at = now - timedelta(minutes=settings.PAYMENTS["PAID_UNCONFIRMED_CASE_MINUTES"])
    confirmed = 0
    orders = Order.objects.filter(status=BookingStatus.ON_HOLD).filter(
        pk__in=Payment.objects.filter(captured_minor__gt=0).values("order_id")
    )
    for order_id in list(orders.order_by("updated_at").values_list("pk", flat=True)[:limit]):
        with database.atomic():
            order = booking_services.lock_order(order_id=order_id)
            payment = current_payment(order)
            if order.status != BookingStatus.ON_HOLD or payment is None:
                continue
            money = order_money(order)
            paid_at = _paid_since(order)
            rule = payment.account.confirm_paid_after_minutes
            if rule is not None and money.is_covered and paid_at <= now - timedelta(minutes=rule):
                try:
                    with database.atomic():
                        booking_services.confirm_order(order=order, now=now)
                except BookingError as error:
                    open_case(payment=payment, kind=CaseKind.PAID_UNCONFIRMED, detail=str(error), now=now)
                    continue
                log.info("order_confirmed_by_rule", order=order.reference)
                confirmed += 1
            elif paid_at <= overdue_at:
                taken = Money(money.money_in_minor, order.currency)
                open_case(
                    payment=payment,
                    kind=CaseKind.PAID_UNCONFIRMED,
                    detail=f"{taken} taken, {Money(money.due_minor, order.currency)} due, never confirmed",
                    now=now,
                )
    _close_settled(now)
    return confirmed


def _paid_since(order: Order) -> datetime:
    last = order.transactions.filter(status="PROCESSED", decided_at__isnull=False).order_by("-decided_at").first()
    return last.decided_at if last is not None and last.decided_at is not None else order.updated_at


def _close_settled(now: datetime) -> None:
    """Take off the list what was confirmed, or given back, since."""
    settled = Case.objects.filter(kind=CaseKind.PAID_UNCONFIRMED, closed_at__isnull=True).exclude(
        payment__order__status=BookingStatus.ON_HOLD
    )
    for case in settled.select_related("payment"):
        close_case(payment=case.payment, kind=CaseKind.PAID_UNCONFIRMED, closed_by="system", now=now)
