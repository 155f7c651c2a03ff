"""When things may be sold, changed and cancelled: pure, no queries, no clock."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bookings.models import (
    ASKED_KINDS,
    Availability,
    AvailabilityType,
    Booking,
    BookingStatus,
    Gift,
    Option,
    Order,
    OrderKind,
    Product,
)

LIVE_STATUSES = (BookingStatus.ON_HOLD, BookingStatus.CONFIRMED)
# Gifts that were paid for and not cancelled, spent or not: each has a code, and its value is owed to its holder.
SOLD_GIFT_STATUSES = (BookingStatus.CONFIRMED, BookingStatus.REDEEMED)
# What counts in its order: held, confirmed or used up.
BOUGHT_STATUSES = (*LIVE_STATUSES, BookingStatus.REDEEMED)


class SlotStatus(StrEnum):
    """Say how much of a departure is left."""

    AVAILABLE = "AVAILABLE"
    FREESALE = "FREESALE"
    SOLD_OUT = "SOLD_OUT"
    LIMITED = "LIMITED"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Hold a departure as it stands now; `vacancies` None means unlimited."""

    reference: str
    availability: Availability
    local_start: datetime
    local_end: datetime
    is_all_day: bool
    status: SlotStatus
    is_available: bool
    vacancies: int | None
    capacity: int | None
    max_units: int | None
    cutoff_at: datetime


def zone_of(product: Product) -> ZoneInfo:
    """Return the time zone in which the product's dates are meant."""
    return ZoneInfo(product.time_zone)


def availability_reference(starts_at: datetime, zone: ZoneInfo) -> str:
    """Return the public id of a departure: its local start with offset, such as 2026-11-21T10:00:00+01:00."""
    return starts_at.astimezone(zone).isoformat(timespec="seconds")


def start_from_reference(reference: str) -> datetime | None:
    """Return the instant a public id of a departure speaks of, or None where it is no such id."""
    try:
        starts_at = datetime.fromisoformat(reference)
        return starts_at.astimezone(UTC) if starts_at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def last_entry_at(availability: Availability, product: Product) -> datetime:
    """Return until when a guest can still join: a tour until it begins, an open day until it closes."""
    is_all_day = product.availability_type == AvailabilityType.OPENING_HOURS
    return availability.ends_at if is_all_day else availability.starts_at


def sales_end_at(availability: Availability, option: Option, product: Product) -> datetime:
    """Return until when a departure is sold."""
    return last_entry_at(availability, product) - timedelta(minutes=option.booking_cutoff_minutes)


def slot_of(availability: Availability, option: Option, product: Product, *, now: datetime, seats: int = 1) -> Slot:
    """Return a departure as it stands now; it is available when `seats` still fit."""
    zone = zone_of(product)
    cutoff_at = sales_end_at(availability, option, product)
    capacity = availability.capacity
    vacancies = None if capacity is None else capacity - availability.reserved
    if availability.is_closed or now >= cutoff_at:
        status = SlotStatus.CLOSED
    elif capacity is None or vacancies is None:
        status = SlotStatus.FREESALE
    elif vacancies <= 0:
        status = SlotStatus.SOLD_OUT
    elif vacancies * 2 < capacity:
        status = SlotStatus.LIMITED
    else:
        status = SlotStatus.AVAILABLE
    is_open = status not in (SlotStatus.CLOSED, SlotStatus.SOLD_OUT)
    return Slot(
        reference=availability_reference(availability.starts_at, zone),
        availability=availability,
        local_start=availability.starts_at.astimezone(zone),
        local_end=availability.ends_at.astimezone(zone),
        is_all_day=product.availability_type == AvailabilityType.OPENING_HOURS,
        status=status,
        is_available=is_open and (vacancies is None or vacancies >= seats),
        vacancies=vacancies,
        capacity=capacity,
        max_units=option.max_units,
        cutoff_at=cutoff_at,
    )


def cancellation_cutoff_at(booking: Booking) -> datetime | None:
    """Return until when a confirmed booking may be changed or cancelled; None means always.

    A cutoff in days counts days of the calendar, so that it keeps the hour of the day over a change of the clocks.
    """
    if booking.availability is None:
        return None
    starts_at, amount = booking.availability.starts_at, booking.option.cancellation_cutoff_amount
    if booking.option.cancellation_cutoff_unit == "day":
        return _days_before(starts_at, amount, zone_of(booking.product))
    minutes = amount * (60 if booking.option.cancellation_cutoff_unit == "hour" else 1)
    return starts_at - timedelta(minutes=minutes)


def has_run_out(booking: Booking | Gift, *, now: datetime) -> bool:
    """Say whether a hold's time is over, swept or not."""
    if booking.status == BookingStatus.EXPIRED:
        return True
    return booking.status == BookingStatus.ON_HOLD and booking.expires_at is not None and booking.expires_at <= now


def is_confirmable(booking: Booking, *, now: datetime) -> bool:
    """Say whether the partner may confirm the booking now."""
    return booking.status == BookingStatus.ON_HOLD and not has_run_out(booking, now=now)


def is_cancellable(booking: Booking, *, now: datetime) -> bool:
    """Say whether the partner may cancel the booking now, without force."""
    if booking.status == BookingStatus.ON_HOLD:
        return True
    return booking.status == BookingStatus.CONFIRMED and _is_before_cutoff(booking, now)


def is_updatable(booking: Booking, *, now: datetime) -> bool:
    """Say whether the partner may change the booking now."""
    if booking.status == BookingStatus.ON_HOLD:
        return not has_run_out(booking, now=now)
    return booking.status == BookingStatus.CONFIRMED and _is_before_cutoff(booking, now)


def may_have_gifts(order: Order) -> bool:
    """Say whether gifts can be bought on an order; one made for a single booking has none, and need not be asked."""
    return order.kind in (OrderKind.GIFT, OrderKind.CART)


def is_asked(order: Order) -> bool:
    """Say whether an order asks for an amount by itself; nobody confirms it: it is confirmed when that is paid."""
    return order.kind in ASKED_KINDS


def is_gift_sold(gift: Gift) -> bool:
    """Say whether a gift was paid for and not cancelled, spent or not."""
    return gift.status in SOLD_GIFT_STATUSES


def is_gift_bought(gift: Gift) -> bool:
    """Say whether a gift counts in the price of the order it is bought on, paid or not."""
    return gift.status in BOUGHT_STATUSES


def is_gift_confirmable(gift: Gift, *, now: datetime) -> bool:
    """Say whether the partner may confirm the gift now."""
    return gift.status == BookingStatus.ON_HOLD and not has_run_out(gift, now=now)


def is_gift_cancellable(gift: Gift) -> bool:
    """Say whether the partner may cancel the gift: until somebody has paid with it."""
    return gift.status in LIVE_STATUSES and gift.spent_minor == 0


def is_gift_updatable(gift: Gift, *, now: datetime) -> bool:
    """Say whether the partner may change the gift: until all of it is spent."""
    return gift.status in LIVE_STATUSES and not has_run_out(gift, now=now)


def _is_before_cutoff(booking: Booking, now: datetime) -> bool:
    cutoff_at = cancellation_cutoff_at(booking)
    return booking.redeemed_at is None and (cutoff_at is None or now < cutoff_at)


def _days_before(starts_at: datetime, days: int, zone: ZoneInfo) -> datetime:
    local = starts_at.astimezone(zone)
    return datetime.combine(local.date() - timedelta(days=days), local.time(), zone)
