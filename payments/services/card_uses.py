"""What a stored card may be used for, and why; reads only, in a constant number of queries."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Case as Choice
from django.db.models import Max, Q, QuerySet, Value, When

from bookings.models import Booking, Order
from bookings.rules import LIVE_STATUSES
from payments.models import CardConsent, ReusableCard, Transaction
from payments.selectors import CHARGE_KINDS
from payments.services.cards import is_expired
from payments.states import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Be how far the orders that a card may pay reach: their latest departure, and the latest day a balance is due."""

    departure: date | None
    balance_due: date | None


def orders_for_card(card: ReusableCard) -> QuerySet[Order]:
    """Return the orders that a card may pay as far as it is about whose they are: those it was kept on, and those of
    the same guest of the same partner and mode; alive ones first, then the newest.
    """
    # Two look-ups put together: for either condition on one row PostgreSQL would read all orders.
    whose = CardConsent.objects.filter(card=card).values("order_id")
    if card.customer_id is not None:
        whose = whose.union(Order.objects.filter(customer_id=card.customer_id).values("pk"))
    alive_first = Choice(When(status__in=LIVE_STATUSES, then=Value(0)), default=Value(1))
    orders = Order.objects.filter(pk__in=whose, partner_id=card.partner_id, is_live=card.is_live)
    return orders.order_by(alive_first, "-created_at")


def reach_of(card: ReusableCard) -> Reach:
    """Return until when the bookings that a card may pay still go."""
    # The order is nothing to an aggregate, and costs a sort.
    orders = orders_for_card(card).order_by().values("pk")
    found = Booking.objects.filter(order__in=orders, status__in=LIVE_STATUSES).aggregate(
        departure=Max("availability__local_date"), balance_due=Max("balance_due_date")
    )
    return Reach(departure=found["departure"], balance_due=found["balance_due"])


def good_until(card: ReusableCard) -> date | None:
    """Return the last day of a card's last month; None where its expiry is not known."""
    if card.expiry_year is None or card.expiry_month is None:
        return None
    return date(card.expiry_year, card.expiry_month, monthrange(card.expiry_year, card.expiry_month)[1])


def why_unusable(card: ReusableCard, *, has_consent: bool, now: datetime) -> str:
    """Say why a card is charged by nobody; empty where it may be."""
    if card.revoked_at is not None:
        return "revoked"
    if not has_consent:
        return "no consent"
    if is_expired(card, now=now):
        return "expired"
    return ""


def last_with_the_guest(card: ReusableCard) -> Transaction | None:
    """Return the last charge of a card that worked while the guest was there: at a page, or sent to the bank."""
    kept_with = CardConsent.objects.filter(card=card).values("payment_id")
    of_card = (
        Transaction.objects.filter(card=card)
        .values("pk")
        .union(Transaction.objects.filter(payment__in=kept_with).values("pk"))
    )
    was_there = Q(opening__isnull=False) | Q(challenge__isnull=False)
    charges = Transaction.objects.filter(was_there, pk__in=of_card, kind__in=CHARGE_KINDS, status=Status.PROCESSED)
    return charges.select_related("payment", "challenge").order_by("-requested_at").first()


def uses_of(card: ReusableCard) -> QuerySet[Transaction]:
    """Return the charges that were made with a stored card, the newest first."""
    return Transaction.objects.filter(card=card).select_related("payment__order").order_by("-requested_at")
