"""Pay with what is not a card: gifts here, a customer's credit in `customer_credit`. The order's debt is settled
against what we already owe the tender's holder.

Selling a gift moves its value from GIFT_SALES to what we owe (GIFT_LIABILITY), spending it moves it on to the order's
RECEIVABLE: only then is it revenue. Every function that takes an order wants it locked; gifts are locked after it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Max, Q, Sum

from bookings.gift_codes import fingerprint_of_code, masked_code
from bookings.models import Booking, BookingStatus, Customer, Gift, Order
from bookings.rules import LIVE_STATUSES, SOLD_GIFT_STATUSES, is_gift_sold, may_have_gifts
from bookings.services import record_gift_uses, record_money
from money import Money
from payments import ledger
from payments.errors import GiftCurrencyMismatch, GiftEmpty, GiftPaymentKept, GiftUnknown
from payments.ledger import Transfer
from payments.models import LedgerAccount, LedgerEntry, Posting
from payments.selectors import gift_balance, order_money


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftPayment:
    """Be what gifts paid on an order in all, with the masked code of the gift that paid last."""

    masked_code: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Tender:
    """Be what one gift, or one customer's credit, paid on an order and did not get back, and when it last paid."""

    gift_id: UUID | None
    customer_id: UUID | None
    amount_minor: int
    paid_at: datetime


def apply_gift(*, order: Order, code: str, now: datetime, bookings: Sequence[Booking] | None = None) -> None:
    """Pay a locked order with the gift of a code, as far as the gift goes; an empty code gives back what gifts paid.

    The same code again pays what has become due since, never anything twice; so does the masked code that we show. A
    caller that has the order's bookings in hand, all of them, passes them.

    :raises GiftUnknown: there is no such gift, or it is another partner's, not confirmed, or of another mode.
    :raises GiftCurrencyMismatch: it is in another currency.
    :raises GiftEmpty: nothing is left of it.
    :raises GiftPaymentKept: the order is confirmed, and what gifts paid stays until it is cancelled.
    """
    if not code.strip():
        if order.status != BookingStatus.ON_HOLD and gift_tenders(order):
            raise GiftPaymentKept("What a gift paid on a confirmed order goes back only by cancelling.")
        return_all_gifts(order=order, now=now)
        return
    if order.status not in LIVE_STATUSES:
        raise GiftUnknown(f"The order is {order.status} and takes no money.")
    gift = _find(order, code)
    _spend(order, gift, now=now, bookings=bookings)


def return_all_gifts(*, order: Order, now: datetime) -> int:
    """Give every gift back what it paid on a locked order; return how much that was, in minor units."""
    spent = {tender.gift_id: tender.amount_minor for tender in lock_tenders(order) if tender.gift_id is not None}
    return _give_back(order, spent, now)


def return_all_tenders(*, order: Order, now: datetime) -> int:
    """Give gifts and credit back what they paid on a locked order; return how much that was, in minor units."""
    return sum(
        return_to_tender(order=order, tender=tender, amount_minor=tender.amount_minor, now=now)
        for tender in lock_tenders(order)
    )


def return_to_tender(*, order: Order, tender: Tender, amount_minor: int, now: datetime) -> int:
    """Give a part of what one gift or credit paid on a locked order back to it; return how much, in minor units."""
    returned = min(amount_minor, tender.amount_minor)
    if tender.gift_id is not None:
        return _give_back(order, {tender.gift_id: returned}, now)
    assert tender.customer_id is not None
    # No lock of the customer, whose turn would have been before the order's: what only adds to a credit needs none.
    customer = Customer.objects.get(pk=tender.customer_id)
    way_back = Transfer(LedgerAccount.CUSTOMER_CREDIT, LedgerAccount.RECEIVABLE, returned, customer=customer)
    post_tenders(order, [way_back], "credit_returned", now)
    tell_bookings(order, now)
    return returned


def lock_tenders(order: Order) -> list[Tender]:
    """Lock the gifts that paid on a locked order, in the order of their ids; return all tenders' parts, newest first.

    Two orders paid by the same gifts in another order of time must not wait for each other.
    """
    tenders = tenders_of(order)
    gift_ids = [tender.gift_id for tender in tenders if tender.gift_id is not None]
    if gift_ids:
        list(Gift.objects.select_for_update(of=("self",)).filter(pk__in=gift_ids).order_by("pk").values_list("pk"))
    return tenders


def tenders_of(order: Order) -> list[Tender]:
    """Return what gifts and credit paid on an order and did not get back, the newest first."""
    return tenders_of_orders([order.pk]).get(order.pk, [])


def tenders_of_orders(order_ids: Collection[UUID]) -> dict[UUID, list[Tender]]:
    """Return what `tenders_of` does for each of some orders, in one query; an order without any is left out."""
    rows = (
        LedgerEntry.objects.filter(_spendings(), order__in=order_ids)
        .values_list("order_id", "gift_id", "customer_id")
        .annotate(
            out=Sum("amount_minor", filter=Q(from_account=LedgerAccount.RECEIVABLE), default=0),
            back=Sum("amount_minor", filter=Q(to_account=LedgerAccount.RECEIVABLE), default=0),
            paid_at=Max("posting__occurred_at", filter=Q(from_account=LedgerAccount.RECEIVABLE)),
        )
        .order_by("-paid_at", "gift_id", "customer_id")
    )
    found: dict[UUID, list[Tender]] = defaultdict(list)
    for order_id, gift_id, customer_id, out, back, paid_at in rows:
        if order_id is not None and out > back:
            tender = Tender(gift_id=gift_id, customer_id=customer_id, amount_minor=out - back, paid_at=paid_at)
            found[order_id].append(tender)
    return found


def gift_tenders(order: Order) -> list[Tender]:
    """Return what gifts paid on an order and did not get back, the newest first."""
    return [tender for tender in tenders_of(order) if tender.gift_id is not None]


def gift_payments(order_ids: Iterable[UUID]) -> dict[UUID, GiftPayment]:
    """Return what gifts paid on each of some orders, in one query; an order that none paid on is left out."""
    rows = (
        LedgerEntry.objects.filter(_spendings(), gift__isnull=False, order__in=list(order_ids))
        .values_list("order_id", "currency", "gift__code_suffix")
        .annotate(
            out=Sum("amount_minor", filter=Q(from_account=LedgerAccount.RECEIVABLE), default=0),
            back=Sum("amount_minor", filter=Q(to_account=LedgerAccount.RECEIVABLE), default=0),
            last=Max("pk"),
        )
        .order_by("last")
    )
    sums: dict[UUID, int] = defaultdict(int)
    found: dict[UUID, GiftPayment] = {}
    for order_id, currency, suffix, out, back, _ in rows:
        if out > back:
            sums[order_id] += out - back
            shown = masked_code(Gift(code_suffix=suffix))
            found[order_id] = GiftPayment(masked_code=shown, amount=Money(sums[order_id], currency))
    return found


def settle_gift_sales(*, order: Order, now: datetime) -> None:
    """Post the difference between what the gifts bought on a locked order are worth now and what the books say.

    A confirmed gift is owed to its holder; one that was cancelled is not. The same state again posts nothing.
    """
    if not may_have_gifts(order):
        return
    gifts = list(Gift.objects.filter(order=order).order_by("pk"))
    debt, sales = LedgerAccount.GIFT_LIABILITY, LedgerAccount.GIFT_SALES
    booked: dict[UUID | None, int] = dict(
        LedgerEntry.objects.filter(gift__in=gifts)
        .values_list("gift_id")
        .annotate(
            owed=Sum("amount_minor", filter=Q(from_account=debt, to_account=sales), default=0)
            - Sum("amount_minor", filter=Q(from_account=sales), default=0)
        )
    )
    deltas = {gift: (gift.amount_minor if is_gift_sold(gift) else 0) - booked.get(gift.pk, 0) for gift in gifts}
    post_tenders(
        order,
        [Transfer(debt, sales, delta, gift=gift) for gift, delta in deltas.items() if delta > 0],
        "gift_sold",
        now,
    )
    taken_back = [Transfer(sales, debt, -delta, gift=gift) for gift, delta in deltas.items() if delta < 0]
    post_tenders(order, taken_back, "gift_cancelled", now)


def _spendings() -> Q:
    """Match the entries by which gifts and credit paid or got back, not those of selling gifts or topping up."""
    is_tender = Q(gift__isnull=False) | Q(customer__isnull=False)
    return is_tender & (Q(from_account=LedgerAccount.RECEIVABLE) | Q(to_account=LedgerAccount.RECEIVABLE))


def _find(order: Order, code: str) -> Gift:
    """Return the gift of a code, locked.

    :raises GiftUnknown: nothing of this partner and mode goes by it.
    """
    of_partner = Gift.objects.select_for_update(of=("self",)).filter(
        partner_id=order.partner_id, is_live=order.is_live, status__in=SOLD_GIFT_STATUSES
    )
    gift = of_partner.filter(code_fingerprint=fingerprint_of_code(code)).first()
    if gift is None and code.strip().startswith("*"):
        # A client that sends back the whole form it was shown.
        paying = of_partner.filter(pk__in=[tender.gift_id for tender in gift_tenders(order)]).order_by("pk")
        gift = next((one for one in paying if masked_code(one) == code.strip()), None)
    if gift is None or gift.order_id == order.pk:
        raise GiftUnknown("There is no such gift.")
    return gift


def _spend(order: Order, gift: Gift, *, now: datetime, bookings: Sequence[Booking] | None) -> None:
    """Pay with a locked gift as far as it goes; perhaps nothing.

    :raises GiftCurrencyMismatch: it is in another currency.
    :raises GiftEmpty: nothing is left of it, and none of it is on this order.
    """
    if gift.currency != order.currency:
        raise GiftCurrencyMismatch(
            f"The gift is in {gift.currency}, the order in {order.currency}.", currency=gift.currency
        )
    left = gift_balance(gift)
    if left.minor <= 0:
        if any(tender.gift_id == gift.pk for tender in gift_tenders(order)):
            return
        raise GiftEmpty("Nothing is left of the gift.")
    spent_minor = min(left.minor, order_money(order, bookings=bookings).due_minor)
    if spent_minor > 0:
        transfer = Transfer(LedgerAccount.RECEIVABLE, LedgerAccount.GIFT_LIABILITY, spent_minor, gift=gift)
        post_tenders(order, [transfer], "gift_spent", now)
        # From what was read under the gift's lock.
        record_gift_uses(spent={gift: gift.amount_minor - left.minor + spent_minor}, now=now)
        tell_bookings(order, now)


def _give_back(order: Order, returned: Mapping[UUID, int], now: datetime) -> int:
    """Give gifts, by their ids, back so much of what they paid; return the sum."""
    if not returned:
        return 0
    gifts = list(Gift.objects.select_for_update(of=("self",)).filter(pk__in=returned).order_by("pk"))
    spent = _spent_of(gifts)
    ways = (LedgerAccount.GIFT_LIABILITY, LedgerAccount.RECEIVABLE)
    post_tenders(order, [Transfer(*ways, returned[gift.pk], gift=gift) for gift in gifts], "gift_returned", now)
    record_gift_uses(spent={gift: spent[gift.pk] - returned[gift.pk] for gift in gifts}, now=now)
    tell_bookings(order, now)
    return sum(returned.values())


def _spent_of(gifts: Sequence[Gift]) -> dict[UUID | None, int]:
    """Return what locked gifts paid in all and did not get back, in minor units."""
    return dict(
        LedgerEntry.objects.filter(_spendings(), gift__in=gifts)
        .values_list("gift_id")
        .annotate(
            spent=Sum("amount_minor", filter=Q(from_account=LedgerAccount.RECEIVABLE), default=0)
            - Sum("amount_minor", filter=Q(to_account=LedgerAccount.RECEIVABLE), default=0)
        )
    )


def tell_bookings(order: Order, now: datetime) -> None:
    """Let bookings know what a tender paid on a locked order or got back."""
    record_money(order=order, money_in_minor=order_money(order).money_in_minor, now=now)


def post_tenders(order: Order, transfers: Sequence[Transfer], cause: str, now: datetime) -> Posting | None:
    """Write what gifts or credit moved for a locked order, and return the posting; None where nothing moved."""
    if not transfers:
        return None
    return ledger.post(
        order=order, payment=None, transfers=transfers, cause=cause, event=None, occurred_at=now, now=now
    )
