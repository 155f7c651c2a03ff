"""The queue of balances whose kept card will have expired when they are due."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import DateTimeField, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Cast, Coalesce, ExtractMonth, ExtractYear

from backoffice.queues.actions import button
from backoffice.queues.queue import Fact, Paths, Queue, Row, Source
from backoffice.queues.trips import NO_TRIP, trips_of
from bookings.models import BookingStatus, Installment, InstallmentKind, SettlementMethod
from gateways.models import Environment
from payments.admin.columns import money_text, page_of
from payments.models import BalanceCollection, ReusableCard

_MONTHS_A_YEAR = 12
# Of the card kept last: for the order itself, else for its customer.
_ACCOUNT = "card_account"


def _expiring(now: datetime) -> QuerySet[Installment]:
    """Return the balances that fall due soon, are not collected, and have kept cards of which none is good until then.

    A card without an expiry is good for ever. What is paid of an order by whatever way is in its `money_in_minor`.
    """
    today = now.date()
    last_day = today + timedelta(days=settings.BACKOFFICE["CARD_EXPIRY_LOOKAHEAD_DAYS"])
    parts = Installment.objects.filter(order=OuterRef("order")).values("order").annotate(price=Sum("amount_minor"))
    collected = BalanceCollection.objects.filter(
        order=OuterRef("order"), due_date=OuterRef("due_date"), done_at__isnull=False
    )
    last_month = F("expiry_year") * _MONTHS_A_YEAR + F("expiry_month")
    due_month = ExtractYear(OuterRef("due_date")) * _MONTHS_A_YEAR + ExtractMonth(OuterRef("due_date"))
    # One index finds the cards kept on an order, another those of its customer: asked for together, none would.
    of_order, of_customer = (
        cards.alias(last_month=last_month)
        for cards in (
            _cards(Q(consents__order=OuterRef("order"))),
            _cards(Q(customer=OuterRef("order__customer"), consents__isnull=False)),
        )
    )
    is_over, is_good = Q(last_month__lt=due_month), Q(last_month__isnull=True) | Q(last_month__gte=due_month)
    # Where the money of a balance would be asked for, as if the row had a foreign key to it.
    account = {
        f"{_ACCOUNT}__{field}": Coalesce(
            *(
                Subquery(cards.order_by("-created_at", "-pk").values(f"account__{field}")[:1])
                for cards in (of_order, of_customer)
            )
        )
        for field in ("slug", "environment")
    }
    return (
        Installment.objects.filter(
            Exists(of_order.filter(is_over)) | Exists(of_customer.filter(is_over)),
            ~Exists(of_order.filter(is_good)),
            ~Exists(of_customer.filter(is_good)),
            ~Exists(collected),
            kind=InstallmentKind.BALANCE,
            amount_minor__gt=0,
            due_date__gte=today,
            due_date__lte=last_day,
            order__status=BookingStatus.CONFIRMED,
            order__settlement_method=SettlementMethod.DEPOSIT,
        )
        .annotate(price_minor=Subquery(parts.values("price")), **account)
        .filter(order__money_in_minor__lt=F("price_minor"))
        .select_related("order__partner")
    )


def _cards(whose: Q) -> QuerySet[ReusableCard]:
    """Return the cards, kept with consent, that may be charged for the order of an outer row."""
    return ReusableCard.objects.filter(
        whose, partner=OuterRef("order__partner"), is_live=OuterRef("order__is_live"), revoked_at__isnull=True
    )


def _show(balances: Sequence[Installment], _now: datetime) -> list[Row]:
    trips = trips_of({balance.order_id for balance in balances})
    orders = [balance.order for balance in balances]
    whose = Q(consents__order__in=orders) | Q(customer__in={order.customer_id for order in orders if order.customer_id})
    kept = list(
        ReusableCard.objects.filter(whose, revoked_at__isnull=True).annotate(
            orders=ArrayAgg("consents__order", distinct=True)
        )
    )
    rows = []
    for balance in balances:
        order, trip = balance.order, trips.get(balance.order_id, NO_TRIP)
        rows.append(
            Row(
                name=order.reference,
                url=page_of(order),
                detail="No kept card is good on the day the balance is due",
                since=order.confirmed_at or order.created_at,
                due_at=balance.urgent_at,  # type: ignore[attr-defined]  # annotated
                amount=money_text(balance.amount_minor, balance.currency),
                guest=trip.guest,
                departs_at=trip.departs_at,
                is_live=order.is_live and getattr(balance, f"{_ACCOUNT}__environment") == Environment.LIVE,
                partner=str(order.partner),
                account=getattr(balance, f"{_ACCOUNT}__slug"),
                facts=tuple(
                    Fact(name="Card", value=_good_until(card), url=page_of(card))
                    for card in kept
                    if order.pk in card.orders or (order.customer_id and card.customer_id == order.customer_id)
                ),
                buttons=(button("send-link", order), button("charge-card", order)),
            )
        )
    return rows


def _good_until(card: ReusableCard) -> str:
    return f"{card}, until {card.expiry_month:02}/{card.expiry_year}"


EXPIRING_CARDS = Queue(
    slug="expiring-cards",
    name="Cards that expire before the balance",
    sentence="The card kept for a balance is no longer good when it falls due: send the guest a link to pay by another "
    "one, or charge it early if that was agreed.",
    permission="payments.view_reusablecard",
    sources=(
        Source(
            rows=_expiring,
            urgency=Cast("due_date", DateTimeField()),
            since="order__confirmed_at",
            paths=Paths(is_live="order__is_live", partner="order__partner", account=_ACCOUNT),
            show=_show,
        ),
    ),
    due_label="Balance due",
)
