"""A customer's credit: what came in on account is owed to the customer until it pays for a booking or goes back.

A top-up's card moves RECEIVABLE -> CLEARING as for a tour, and TOP_UPS takes the same amount out of what was earned: it
is a debt (CUSTOMER_CREDIT -> TOP_UPS). Spending moves the debt on to the RECEIVABLE of the order it pays for. The
customer is locked before any order, by whoever spends and by the door before it hears of a top-up, so that nobody can
spend what is just being charged back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction as database
from django.db.models import Case as Choice
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum, When

from bookings import services as booking_services
from bookings.models import BookingStatus, Customer, Order, OrderKind
from bookings.rules import LIVE_STATUSES
from money import Money
from payments.errors import AlreadyPaid, AmountMismatch, CreditTooSmall, CurrencyMismatch, NotPayable, PaymentChanged
from payments.ledger import Transfer
from payments.models import Case, CaseKind, LedgerAccount, LedgerEntry, Payment, Posting, Transaction
from payments.selectors import order_money
from payments.services.cases import close_case, open_case
from payments.services.draining import drain
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.tenders import post_tenders, settle_gift_sales, tell_bookings
from payments.states import OperationKind, Status

_CREDIT = LedgerAccount.CUSTOMER_CREDIT
# What an entry adds to what we owe a customer.
_OWED = Sum(
    Choice(
        When(from_account=_CREDIT, then=F("amount_minor")),
        When(to_account=_CREDIT, then=-F("amount_minor")),
        default=0,
    ),
    default=0,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditPayment:
    """Be what a customer's credit paid on an order at once; `posting` is how the books name it."""

    posting: Posting
    order: Order
    amount: Money


def credit_balances(customer: Customer) -> list[Money]:
    """Return what is owed to a customer, by currency; a currency of which nothing is left is left out."""
    rows = LedgerEntry.objects.filter(customer=customer).values_list("currency").annotate(owed=_OWED)
    return [Money(int(owed), currency) for currency, owed in rows.order_by("currency") if owed]


def available_credit(*, customer: Customer, currency: str) -> Money:
    """Return what a customer can spend: what is owed, less what is going back to the cards that brought it.

    Only under the customer's lock does it stay so.
    """
    owed = next((each.minor for each in credit_balances(customer) if each.currency == currency), 0)
    return Money(max(0, owed - _going_back_minor(customer, currency)), currency)


def lock_credit(order: Order) -> None:
    """Lock the customer whose credit the money of an order moves, if it does: before the order.

    What kind an order is, and whose top-up, never changes, so that it need not be locked to be asked.
    """
    if order.kind == OrderKind.TOP_UP and order.customer_id is not None:
        booking_services.lock_customer(customer_id=order.customer_id)


@tried_again_after_lock_timeout
def spend_credit(
    *, order_id: UUID, amount: Money, now: datetime, also: Callable[[CreditPayment], None] | None = None
) -> CreditPayment:
    """Pay so much of an order by the credit of its customer, and confirm the order where that covers it.

    What is `also` to be written is committed with it, or neither is.

    :raises CreditTooSmall: the customer has less, or the order has no customer; nothing was written.
    :raises AlreadyPaid: nothing is left to pay; nothing was written.
    :raises AmountMismatch: it is more than is left to pay, or nothing; nothing was written.
    :raises CurrencyMismatch: the order is in another currency; nothing was written.
    :raises NotPayable: it is cancelled, or its hold ran out; nothing was written.
    :raises PaymentChanged: the order was given to another customer just now; nothing was written.
    :raises BookingError: it would be covered and cannot be confirmed; nothing was written.
    """
    with database.atomic():
        customer_id = Order.objects.values_list("customer_id", flat=True).get(pk=order_id)
        if customer_id is None:
            raise CreditTooSmall("The booking has no customer.", available=Money(0, amount.currency))
        customer = booking_services.lock_customer(customer_id=customer_id)
        order = booking_services.lock_order(order_id=order_id)
        if order.customer_id != customer.pk:
            raise PaymentChanged("The booking was given to another customer.")
        bookings = booking_services.bookings_under_lock(order)
        before = order_money(order, bookings=bookings)
        _check(order, customer, amount, due=Money(before.payable_minor, order.currency), now=now)
        transfer = Transfer(LedgerAccount.RECEIVABLE, _CREDIT, amount.minor, customer=customer)
        posting = post_tenders(order, [transfer], "credit_spent", now)
        assert posting is not None
        money = order_money(order, bookings=bookings)
        if order.status == BookingStatus.ON_HOLD and money.is_covered:
            order = booking_services.confirm_locked_order(
                order=order, now=now, bookings=bookings, money_in_minor=money.money_in_minor
            )
            settle_gift_sales(order=order, now=now)
        else:
            tell_bookings(order, now)
        paid = CreditPayment(posting=posting, order=order, amount=amount)
        if also is not None:
            also(paid)
    return paid


def credit_payment_of(posting_id: UUID) -> CreditPayment:
    """Return what a customer's credit paid under one posting."""
    entry = LedgerEntry.objects.select_related("posting", "order").get(posting=posting_id, to_account=_CREDIT)
    assert entry.order is not None
    return CreditPayment(posting=entry.posting, order=entry.order, amount=Money(entry.amount_minor, entry.currency))


def settle_top_up(*, order: Order, payment: Payment, now: datetime) -> None:
    """Let the customer's credit follow what a top-up brought; nothing for other orders.

    Order and customer are locked. What cannot be taken back, because it is spent, is put before a person.
    """
    if order.kind != OrderKind.TOP_UP or order.customer is None:
        return
    missing = _settle(order.customer, order, now)
    if missing > 0:
        detail = f"{Money(missing, order.currency)} went back to the card and had been spent before"
        open_case(payment=payment, kind=CaseKind.CREDIT_OVERDRAWN, detail=detail, now=now)


def take_back_overdrawn(*, now: datetime, limit: int = 50) -> int:
    """Take what was spent and went back to the card from what its customer is owed again by now; return of how many
    top-ups something was taken.
    """
    owed = (
        LedgerEntry.objects.filter(
            customer=OuterRef("payment__order__customer"), currency=OuterRef("payment__currency")
        )
        .order_by()
        .values("customer")
        .annotate(owed=_OWED)
        .values("owed")
    )
    cases = Case.objects.filter(kind=CaseKind.CREDIT_OVERDRAWN, closed_at__isnull=True)
    due = cases.annotate(owed=Subquery(owed)).filter(owed__gt=0).order_by("opened_at")
    return drain(
        list(due.values_list("payment_id", flat=True)[:limit]),
        lambda payment_id: _take_back(payment_id, now),
        what="overdrawn credit",
    )


def refundable_of_top_up(payment: Payment, limit: Money) -> Money:
    """Return what of a payment, of which `limit` can be given back, its customer has not spent; all where it is no
    top-up.

    Customer and order are locked.
    """
    order = payment.order
    if order.kind != OrderKind.TOP_UP or order.customer is None:
        return limit
    available = available_credit(customer=order.customer, currency=limit.currency)
    # Surcharge and donation never became credit, and go back with the last of the price.
    return limit if available.minor >= min(limit.minor, order.money_in_minor) else available


def _check(order: Order, customer: Customer, amount: Money, *, due: Money, now: datetime) -> None:
    has_run_out = order.status == BookingStatus.ON_HOLD and order.expires_at is not None and order.expires_at <= now
    if order.status not in LIVE_STATUSES or has_run_out:
        raise NotPayable("The order is cancelled, or its hold has run out.")
    if amount.currency != order.currency:
        raise CurrencyMismatch("The amount is in another currency.", due=due)
    if due.minor == 0:
        raise AlreadyPaid("Nothing is left to pay.")
    if not 0 < amount.minor <= due.minor:
        raise AmountMismatch("The amount is nothing, or more than is left to pay.", due=due)
    available = available_credit(customer=customer, currency=order.currency)
    if amount.minor > available.minor:
        raise CreditTooSmall("The customer has less than that.", available=available)


def _settle(customer: Customer, order: Order, now: datetime) -> int:
    """Post the difference between what a top-up brought and what was credited for it, as far as it is unspent; return
    what of it is spent, in minor units.
    """
    # What came in for a top-up that was cancelled goes back by itself, as does what came in beyond what was asked for.
    creditable = 0 if order.status == BookingStatus.CANCELLED else order.asked_minor
    delta = max(0, min(order.money_in_minor, creditable)) - _credited_minor(order)
    if delta >= 0:
        brought = [Transfer(_CREDIT, LedgerAccount.TOP_UPS, delta, customer=customer)] if delta else []
        post_tenders(order, brought, "topped_up", now)
        return 0
    owed = sum(each.minor for each in credit_balances(customer) if each.currency == order.currency)
    taken = min(-delta, max(0, owed))
    taken_back = [Transfer(LedgerAccount.TOP_UPS, _CREDIT, taken, customer=customer)] if taken else []
    post_tenders(order, taken_back, "top_up_returned", now)
    return -delta - taken


def _take_back(payment_id: UUID, now: datetime) -> bool:
    with database.atomic():
        payment = Payment.objects.select_related("order__customer").get(pk=payment_id)
        lock_credit(payment.order)
        order = booking_services.lock_order(order_id=payment.order_id)
        assert order.customer is not None
        before = _credited_minor(order)
        if _settle(order.customer, order, now) == 0:
            close_case(payment=payment, kind=CaseKind.CREDIT_OVERDRAWN, closed_by="system", now=now)
        return _credited_minor(order) != before


def _credited_minor(order: Order) -> int:
    """Return what was credited for a top-up and not taken back, in minor units."""
    credited = _top_up_entries(order).aggregate(total=_OWED)["total"]
    return int(credited)


def _top_up_entries(order: Order) -> QuerySet[LedgerEntry]:
    is_top_up = Q(from_account=LedgerAccount.TOP_UPS) | Q(to_account=LedgerAccount.TOP_UPS)
    return LedgerEntry.objects.filter(is_top_up, order=order)


def _going_back_minor(customer: Customer, currency: str) -> int:
    """Return what refunds under way will take off a customer's credit, in minor units: not what came in beyond what
    was asked for, which never became credit.
    """
    refunds = Transaction.objects.filter(
        order__customer=customer,
        order__kind=OrderKind.TOP_UP,
        currency=currency,
        kind=OperationKind.REFUND,
        status=Status.PENDING,
    )
    rows = refunds.values_list("order__money_in_minor", "order__asked_minor", "order_id").annotate(
        returning=Sum(F("amount_minor") - F("surcharge_minor") - F("donation_minor"))
    )
    return sum(max(0, returning - max(0, there - asked)) for there, asked, _, returning in rows)
