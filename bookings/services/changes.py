from collections.abc import Iterable, Mapping
from copy import copy
from datetime import datetime
from typing import Any
from uuid import UUID

from bookings.models import Booking, Change, ChangeTopic, Gift, Order
from bookings.prepared import insert_rows, update_row


def write_changes(
    *,
    order: Order,
    bookings: Iterable[Booking],
    reason: str,
    now: datetime,
    before: dict[str, Any] | None = None,
    before_of: Mapping[UUID, dict[str, Any]] | None = None,
    order_reason: str | None = None,
    gifts: Iterable[Gift] = (),
) -> None:
    """Write down what partners must be told: a row for the order, each booking and each gift, of its version.

    `before` is what all of them were; `before_of` adds what one booking or gift was besides. For the order the reason
    may be another one: a booking that is new joins an order that is not.
    """
    facts = before or {}
    rows = [(ChangeTopic.ORDER, order.pk, order_reason or reason, facts)]
    rows += [
        (ChangeTopic.BOOKING, booking.pk, reason, {**facts, **(before_of or {}).get(booking.pk, {})})
        for booking in bookings
    ]
    rows += [(ChangeTopic.GIFT, gift.pk, reason, {**facts, **(before_of or {}).get(gift.pk, {})}) for gift in gifts]
    insert_rows(
        [
            Change(
                topic=topic,
                subject_id=subject_id,
                partner_id=order.partner_id,
                order=order,
                version=order.version,
                reason=why,
                before=was,
                created_at=now,
            )
            for topic, subject_id, why, was in rows
        ]
    )


def stored_fields(row: Booking) -> dict[str, object]:
    """Return what the columns of a booking hold, to find out later which of them changed."""
    return {field.attname: copy(getattr(row, field.attname)) for field in row._meta.concrete_fields}


def touch_order(order: Order, *, now: datetime, fields: Iterable[str] = ()) -> None:
    """Save the named fields of a locked order as its next version."""
    order.version += 1
    order.updated_at = now
    update_row(order, ["version", "updated_at", *fields])
