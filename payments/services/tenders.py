"""Pay with what is not a card: gifts. The order's debt is settled against what we already owe the gift's holder.

Selling a gift moves its value from GIFT_SALES to what we owe (GIFT_LIABILITY), spending it moves it on to the order's
RECEIVABLE: only then is it revenue. Every function that takes an order wants it locked; gifts are locked after it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction as database
from django.db.models import Max, Q, Sum

from bookings.gift_codes import fingerprint_of_code, masked_code
from bookings.models import Booking, BookingStatus, Gift, Order, OrderKind
from bookings.rules import LIVE_STATUSES
from bookings.services import lock_order, record_gift_use, record_money
from money import Money
from payments import ledger
from payments.errors import GiftCurrencyMismatch, GiftEmpty, GiftPaymentKept, GiftUnknown
from payments.ledger import Transfer
from payments.models import LedgerAccount, LedgerEntry
from payments.selectors import gift_balance, order_money

_SOLD = (BookingStatus.CONFIRMED, BookingStatus.REDEEMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftPayment:
    """Be what gifts paid on an order in all, with the masked code of the gift that paid last."""

    masked_code: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Tender:
    """Be what one gift paid on an order and did not get back, and when it last paid."""

    gift_id: UUID
    amount_minor: int
    paid_at: datetime


def spend_gift(*, gift_id: UUID, order_id: UUID, now: datetime) -> Money:
    """Pay what an order still owes with a gift, as far as the gift goes; return what was spent, perhaps nothing.

    :raises GiftNotUsable: the gift cannot pay for this order; nothing was written.
    """
    with database.atomic():
        order = lock_order(order_id=order_id)
        gift = Gift.objects.select_for_update(of=("self",)).get(pk=gift_id)
        return _spend(order, gift, now=now, bookings=None)


def return_gift(*, gift_id: UUID, order_id: UUID, now: datetime) -> Money:
    """Give back to a gift all that it paid on an order; return how much, perhaps nothing."""
    with database.atomic():
        order = lock_order(order_id=order_id)
        tender = next((one for one in gift_tenders(order) if one.gift_id == gift_id), None)
        return Money(0, order.currency) if tender is None else _give_back(order, tender, tender.amount_minor, now)


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
    return sum(_give_back(order, tender, tender.amount_minor, now).minor for tender in lock_gifts_that_paid(order))


def return_to_gift(*, order: Order, tender: Tender, amount_minor: int, now: datetime) -> Money:
    """Give a part of what one gift paid on a locked order back to it."""
    return _give_back(order, tender, min(amount_minor, tender.amount_minor), now)


def lock_gifts_that_paid(order: Order) -> list[Tender]:
    """Lock the gifts that paid on a locked order, in the order of their ids, and return what they paid, newest first.

    Two orders paid by the same gifts in another order of time must not wait for each other.
    """
    tenders = gift_tenders(order)
    if tenders:
        gift_ids = [tender.gift_id for tender in tenders]
        list(Gift.objects.select_for_update(of=("self",)).filter(pk__in=gift_ids).order_by("pk").values_list("pk"))
    return tenders


def gift_tenders(order: Order) -> list[Tender]:
    """Return what gifts paid on an order and did not get back, the newest first."""
    rows = (
        LedgerEntry.objects.filter(_spendings(), order=order)
        .values_list("gift_id")
        .annotate(
            out=Sum("amount_minor", filter=Q(from_account=LedgerAccount.RECEIVABLE), default=0),
            back=Sum("amount_minor", filter=Q(to_account=LedgerAccount.RECEIVABLE), default=0),
            paid_at=Max("posting__occurred_at", filter=Q(from_account=LedgerAccount.RECEIVABLE)),
        )
        .order_by("-paid_at", "gift_id")
    )
    return [
        Tender(gift_id=gift_id, amount_minor=out - back, paid_at=paid_at)
        for gift_id, out, back, paid_at in rows
        if out > back
    ]


def gift_payments(order_ids: Iterable[UUID]) -> dict[UUID, GiftPayment]:
    """Return what gifts paid on each of some orders, in one query; an order that none paid on is left out."""
    rows = (
        LedgerEntry.objects.filter(_spendings(), order__in=list(order_ids))
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
    if order.kind not in (OrderKind.GIFT, OrderKind.CART):
        return
    gifts = list(Gift.objects.filter(order=order).order_by("pk"))
    booked: dict[UUID | None, int] = dict(
        LedgerEntry.objects.filter(gift__in=gifts, from_account=LedgerAccount.GIFT_LIABILITY)
        .filter(to_account=LedgerAccount.GIFT_SALES)
        .values_list("gift_id")
        .annotate(total=Sum("amount_minor"))
    )
    returned = dict(
        LedgerEntry.objects.filter(gift__in=gifts, from_account=LedgerAccount.GIFT_SALES)
        .values_list("gift_id")
        .annotate(total=Sum("amount_minor"))
    )
    for gift in gifts:
        worth = gift.amount_minor if gift.status in _SOLD else 0
        delta = worth - booked.get(gift.pk, 0) + returned.get(gift.pk, 0)
        ways = (LedgerAccount.GIFT_LIABILITY, LedgerAccount.GIFT_SALES)
        from_account, to_account = ways if delta > 0 else tuple(reversed(ways))
        if delta:
            _post(
                order, gift, from_account, to_account, abs(delta), "gift_sold" if delta > 0 else "gift_cancelled", now
            )


def _spendings() -> Q:
    """Match the entries by which gifts paid or got back, not those of selling them."""
    return Q(gift__isnull=False) & (Q(from_account=LedgerAccount.RECEIVABLE) | Q(to_account=LedgerAccount.RECEIVABLE))


def _find(order: Order, code: str) -> Gift:
    """Return the gift of a code, locked.

    :raises GiftUnknown: nothing of this partner and mode goes by it.
    """
    of_partner = Gift.objects.select_for_update(of=("self",)).filter(
        partner_id=order.partner_id, is_live=order.is_live, status__in=_SOLD
    )
    gift = of_partner.filter(code_fingerprint=fingerprint_of_code(code)).first()
    if gift is None and code.strip().startswith("*"):
        # A client that sends back the whole form it was shown.
        paying = of_partner.filter(pk__in=[tender.gift_id for tender in gift_tenders(order)]).order_by("pk")
        gift = next((one for one in paying if masked_code(one) == code.strip()), None)
    if gift is None or gift.order_id == order.pk:
        raise GiftUnknown("There is no such gift.")
    return gift


def _spend(order: Order, gift: Gift, *, now: datetime, bookings: Sequence[Booking] | None) -> Money:
    if (gift.partner_id, gift.is_live) != (order.partner_id, order.is_live) or gift.order_id == order.pk:
        raise GiftUnknown("There is no such gift.")
    if gift.status not in _SOLD:
        raise GiftUnknown("The gift cannot be used.")
    if gift.currency != order.currency:
        raise GiftCurrencyMismatch(
            f"The gift is in {gift.currency}, the order in {order.currency}.", currency=gift.currency
        )
    left = gift_balance(gift)
    if left.minor <= 0:
        if any(tender.gift_id == gift.pk for tender in gift_tenders(order)):
            return Money(0, order.currency)
        raise GiftEmpty("Nothing is left of the gift.")
    spent = Money(min(left.minor, order_money(order, bookings=bookings).due_minor), order.currency)
    if spent.minor > 0:
        _post(order, gift, LedgerAccount.RECEIVABLE, LedgerAccount.GIFT_LIABILITY, spent.minor, "gift_spent", now)
        # From what was read under the gift's lock.
        record_gift_use(gift=gift, spent_minor=gift.amount_minor - left.minor + spent.minor, now=now)
        _tell_bookings(order, now)
    return spent


def _give_back(order: Order, tender: Tender, amount_minor: int, now: datetime) -> Money:
    gift = Gift.objects.select_for_update(of=("self",)).get(pk=tender.gift_id)
    left = gift_balance(gift)
    _post(order, gift, LedgerAccount.GIFT_LIABILITY, LedgerAccount.RECEIVABLE, amount_minor, "gift_returned", now)
    record_gift_use(gift=gift, spent_minor=gift.amount_minor - left.minor - amount_minor, now=now)
    _tell_bookings(order, now)
    return Money(amount_minor, order.currency)


def _tell_bookings(order: Order, now: datetime) -> None:
    record_money(order=order, money_in_minor=order_money(order).money_in_minor, now=now)


def _post(
    order: Order,
    gift: Gift,
    from_account: LedgerAccount,
    to_account: LedgerAccount,
    amount_minor: int,
    cause: str,
    now: datetime,
) -> None:
    ledger.post(
        order=order,
        payment=None,
        transfers=[Transfer(from_account, to_account, amount_minor, gift=gift)],
        cause=cause,
        event=None,
        occurred_at=now,
        now=now,
    )
