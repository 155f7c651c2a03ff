from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bookings.models import Booking, Change, ChangeTopic, Gift, Order


def write_changes(
    *,
    order: Order,
    bookings: Iterable[Booking],
    reason: str,
    now: datetime,
    before: dict[str, Any] | None = None,
    gifts: Iterable[Gift] = (),
) -> None:
    """Write down what partners must be told: a row for the order, each booking and each gift, of its version."""
    subjects = [(ChangeTopic.ORDER, order.pk), *((ChangeTopic.BOOKING, booking.pk) for booking in bookings)]
    subjects += [(ChangeTopic.GIFT, gift.pk) for gift in gifts]
    Change.objects.bulk_create(
        Change(
            topic=topic,
            subject_id=subject_id,
            partner_id=order.partner_id,
            order=order,
            version=order.version,
            reason=reason,
            before=before or {},
            created_at=now,
        )
        for topic, subject_id in subjects
    )


def touch_order(order: Order, *, now: datetime, fields: Iterable[str] = ()) -> None:
    """Save the named fields of a locked order as its next version."""
    order.version += 1
    order.updated_at = now
    order.save(update_fields=["version", "updated_at", *fields])
