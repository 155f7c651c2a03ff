"""Note that gifts paid or got back, and let those who listen to the orders they were bought on know of it."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from bookings.models import BookingStatus, Gift, Order
from bookings.services.changes import touch_order, write_changes


def record_gift_uses(*, spent: Mapping[Gift, int], now: datetime) -> None:
    """Note what the ledger says was spent of locked gifts: REDEEMED once it is all of one, else CONFIRMED again.

    The order one was bought on is told of by `tell_gift_uses`: whoever spends a gift has locks already that come after
    that order's.
    """
    for gift, spent_minor in spent.items():
        is_spent = spent_minor == gift.amount_minor
        gift.untold_status = gift.untold_status or gift.status
        gift.spent_minor = spent_minor
        gift.status = BookingStatus.REDEEMED if is_spent else BookingStatus.CONFIRMED
        gift.redeemed_at = now if is_spent else None
        gift.updated_at = now
    Gift.objects.bulk_update(spent, ["spent_minor", "status", "redeemed_at", "updated_at", "untold_status"])


@transaction.atomic
def tell_gift_uses(*, now: datetime, limit: int = 200) -> int:
    """Write down that the orders which gifts were bought on show them otherwise since they paid or got back; return how
    many gifts that were.

    What somebody else has locked is left for the next time, so that nobody waits here and nothing can deadlock.
    """
    untold = Gift.objects.exclude(untold_status="").order_by("updated_at").values_list("order_id", flat=True)
    free = Order.objects.select_for_update(of=("self",), skip_locked=True)
    orders = {order.pk: order for order in free.filter(pk__in=set(untold[:limit])).order_by("pk")}
    if not orders:
        return 0
    of_order: dict[UUID, list[Gift]] = defaultdict(list)
    # Read anew under the locks.
    used = Gift.objects.select_for_update(of=("self",), skip_locked=True).exclude(untold_status="")
    for gift in used.filter(order__in=orders).order_by("pk"):
        of_order[gift.order_id].append(gift)
    for order_id, gifts in of_order.items():
        order = orders[order_id]
        was = {gift.pk: {"status": gift.untold_status} for gift in gifts}
        touch_order(order, now=now)
        write_changes(order=order, bookings=(), gifts=gifts, reason="gift_used", now=now, before_of=was)
    told = [gift.pk for gifts in of_order.values() for gift in gifts]
    return Gift.objects.filter(pk__in=told).update(untold_status="")
