from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from bookings.models import Availability, AvailabilityType, Option, Partner, Price, Product, Supplier, Unit
from bookings.rules import zone_of

_DEFAULT_HOURS = ("09:00", "18:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSpecification:
    """Describe a kind of ticket; prices are (currency, original, retail, net) in minor units."""

    reference: str
    name: str
    type: str
    prices: tuple[tuple[str, int, int, int], ...]
    fields: tuple[tuple[str, Any], ...] = ()


def ensure_partner(*, slug: str, name: str, settlement_methods: Sequence[str]) -> Partner:
    """Make a partner, or bring it in line; the first settlement method is its default."""
    partner, _ = Partner.objects.update_or_create(
        slug=slug,
        defaults={
            "name": name,
            "settlement_methods": list(settlement_methods),
            "default_settlement_method": settlement_methods[0],
        },
    )
    return partner


def ensure_supplier(*, name: str, country_code: str, **fields: Any) -> Supplier:
    """Make a supplier, or bring it in line."""
    supplier, _ = Supplier.objects.update_or_create(name=name, defaults={"country_code": country_code, **fields})
    return supplier


def ensure_product(*, supplier: Supplier, reference: str, **fields: Any) -> Product:
    """Make a product, or bring it in line; its reference tells it from others of the supplier."""
    product, _ = Product.objects.update_or_create(supplier=supplier, reference=reference, defaults=fields)
    return product


@transaction.atomic
def ensure_option(*, product: Product, reference: str, units: Iterable[UnitSpecification], **fields: Any) -> Option:
    """Make an option with its units and their prices, or bring them in line; what is not named stays."""
    option, _ = Option.objects.update_or_create(product=product, reference=reference, defaults=fields)
    for position, specification in enumerate(units):
        unit, _ = Unit.objects.update_or_create(
            option=option,
            reference=specification.reference,
            defaults={
                "name": specification.name,
                "type": specification.type,
                "position": position,
                **dict(specification.fields),
            },
        )
        for currency, original, retail, net in specification.prices:
            Price.objects.update_or_create(
                unit=unit,
                currency=currency,
                defaults={"original_minor": original, "retail_minor": retail, "net_minor": net},
            )
    return option


def ensure_availabilities(
    *,
    option: Option,
    from_date: date,
    days: int,
    capacity: int | None,
    now: datetime,
    opening_hours: tuple[str, str] = _DEFAULT_HOURS,
) -> list[Availability]:
    """Make the departures, or open days, of an option for a number of days; those that stand are left as they are.

    A start time that a change of the clocks skips has no departure that day; one that comes twice has the first. What
    is over already is not made. Returns every departure of these days, old and new, by start.
    """
    zone = zone_of(option.product)
    dates = [from_date + timedelta(days=offset) for offset in range(days)]
    if option.product.availability_type == AvailabilityType.OPENING_HOURS:
        wanted = [_open_day(option, day, zone, capacity, opening_hours) for day in dates]
    else:
        wanted = [
            departure
            for day in dates
            for clock in option.local_start_times
            if (departure := _departure(option, day, time.fromisoformat(clock), zone, capacity)) is not None
        ]
    Availability.objects.bulk_create(
        [departure for departure in wanted if departure.ends_at > now],
        ignore_conflicts=True,
        unique_fields=["option", "starts_at"],
    )
    return list(
        Availability.objects.filter(option=option, local_date__range=(from_date, dates[-1])).order_by("starts_at")
        if dates
        else []
    )


def _departure(option: Option, day: date, clock: time, zone: ZoneInfo, capacity: int | None) -> Availability | None:
    local = datetime.combine(day, clock, zone)
    starts_at = datetime.fromtimestamp(local.timestamp(), zone)
    if starts_at.time() != clock:
        return None
    return Availability(
        option=option,
        starts_at=starts_at,
        ends_at=datetime.fromtimestamp(local.timestamp() + option.duration_minutes * 60, zone),
        local_date=day,
        capacity=capacity,
    )


def _open_day(option: Option, day: date, zone: ZoneInfo, capacity: int | None, hours: tuple[str, str]) -> Availability:
    opens, closes = hours
    return Availability(
        option=option,
        starts_at=datetime.combine(day, time(), zone),
        ends_at=datetime.combine(day, time.fromisoformat(closes), zone),
        local_date=day,
        opening_hours=[{"from": opens, "to": closes}],
        capacity=capacity,
    )
