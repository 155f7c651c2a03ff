"""Find what a partner wants to buy: one query where everything is right, and the exact fault where it is not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import F, FilteredRelation, Q, QuerySet

from bookings.errors import (
    AvailabilityNotFound,
    CurrencyNotOffered,
    OptionNotFound,
    ProductNotFound,
    UnitNotFound,
    UnitRestriction,
)
from bookings.models import Availability, Option, Price, Product, Unit
from bookings.rules import availability_reference, start_from_reference, zone_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Hold what is to be sold: an option, perhaps its departure, and what each wanted unit costs."""

    product: Product
    option: Option
    availability: Availability | None
    availability_reference: str
    currency: str
    prices: dict[UUID, Price]


def uuid_from_text(text: str) -> UUID | None:
    """Return the uuid a text is in its usual form of 36 characters, or None."""
    try:
        parsed = UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text.lower() else None


def find_offer(
    *,
    product_id: str,
    option_id: str | None,
    availability_id: str | None,
    unit_ids: Iterable[str],
    currency: str | None,
) -> Offer:
    """Return the option, the departure and the prices that a wish names; the departure is not locked.

    Without an option it is the product's default one.

    :raises ProductNotFound, OptionNotFound, UnitNotFound, AvailabilityNotFound, CurrencyNotOffered: the first thing
        of the wish that does not exist, in this order.
    """
    wanted = list(dict.fromkeys(unit_ids))
    product_uuid = uuid_from_text(product_id)
    unit_uuids = [uuid for uuid in map(uuid_from_text, wanted) if uuid is not None]
    starts_at = start_from_reference(availability_id) if availability_id else None
    if product_uuid is None or len(unit_uuids) != len(wanted) or (availability_id and starts_at is None):
        raise _fault_of(product_id, option_id, availability_id, wanted, currency)
    prices: QuerySet[Price] = Price.objects.filter(
        _option_filter("unit__option", option_id),
        unit__in=unit_uuids,
        unit__option__product=product_uuid,
        unit__option__product__is_active=True,
        currency=currency or F("unit__option__product__default_currency"),
    ).select_related("unit__option__product__supplier")
    if starts_at is not None:
        # One departure at most (option and start are unique), so the join multiplies nothing.
        prices = prices.annotate(
            departure=FilteredRelation(
                "unit__option__availabilities", condition=Q(unit__option__availabilities__starts_at=starts_at)
            )
        ).select_related("unit__option__product__supplier", "departure")  # type: ignore[misc]  # the stubs know no annotations here
    found = list(prices)
    if len(found) != len(set(unit_uuids)) or not found:
        raise _fault_of(product_id, option_id, availability_id, wanted, currency)
    option = found[0].unit.option
    availability: Availability | None = None
    if availability_id:
        availability = getattr(found[0], "departure", None)
        if availability is None or not _is_called(availability, option.product, availability_id):
            raise AvailabilityNotFound(availability_id)
    elif not option.product.allow_freesale:
        raise AvailabilityNotFound(None)
    return Offer(
        product=option.product,
        option=option,
        availability=availability,
        availability_reference=availability_id or "",
        currency=found[0].currency,
        prices={price.unit_id: price for price in found},
    )


def find_option(*, product_id: str, option_id: str | None) -> Option:
    """Return an option with its product, the default one where none is named.

    :raises ProductNotFound, OptionNotFound: there is none on sale.
    """
    product_uuid = uuid_from_text(product_id)
    product = Product.objects.filter(pk=product_uuid, is_active=True).first() if product_uuid else None
    if product is None:
        raise ProductNotFound(product_id)
    option = None
    if option_id is None or uuid_from_text(option_id):
        option = Option.objects.filter(_option_filter("", option_id), product=product).first()
    if option is None:
        raise OptionNotFound(option_id)
    option.product = product
    return option


def check_units(option: Option, units: Sequence[Unit]) -> None:
    """Check the number and the mix of tickets against the option's restrictions; one entry per ticket.

    :raises UnitRestriction: too few, too many, or a unit that needs company comes alone.
    """
    if len(units) < option.min_units:
        raise UnitRestriction(f"At least {option.min_units} units are required.")
    if option.max_units is not None and len(units) > option.max_units:
        raise UnitRestriction(f"At most {option.max_units} units are allowed.")
    counts: dict[UUID, int] = {}
    for unit in units:
        counts[unit.pk] = counts.get(unit.pk, 0) + 1
    for unit in {unit.pk: unit for unit in units}.values():
        count, unit_id = counts[unit.pk], str(unit.pk)
        if unit.min_quantity is not None and count < unit.min_quantity:
            raise UnitRestriction(f"At least {unit.min_quantity} of {unit.name} are required.", unit_id=unit_id)
        if unit.max_quantity is not None and count > unit.max_quantity:
            raise UnitRestriction(f"At most {unit.max_quantity} of {unit.name} are allowed.", unit_id=unit_id)
        if unit.accompanied_by and not counts.keys() & set(unit.accompanied_by):
            raise UnitRestriction(f"{unit.name} must be accompanied.", unit_id=unit_id)


def _option_filter(path: str, option_id: str | None) -> Q:
    if option_id is None:
        return Q(**{f"{path}__is_default" if path else "is_default": True})
    option_uuid = uuid_from_text(option_id)
    # An id that is no uuid names no option; the exact fault is found afterwards.
    return Q(**{f"{path}__pk" if path else "pk": option_uuid}) if option_uuid else Q(pk__in=[])


def _is_called(availability: Availability, product: Product, availability_id: str) -> bool:
    """Say whether an id is the very text we gave out; another spelling of the same instant is another id."""
    return availability_reference(availability.starts_at, zone_of(product)) == availability_id


def _fault_of(
    product_id: str, option_id: str | None, availability_id: str | None, unit_ids: list[str], currency: str | None
) -> Exception:
    """Return why the wish finds no offer; only refused calls pay for these queries."""
    try:
        option = find_option(product_id=product_id, option_id=option_id)
    except (ProductNotFound, OptionNotFound) as fault:
        return fault
    offered = {
        str(unit.pk): {price.currency for price in unit.prices.all()}
        for unit in option.units.prefetch_related("prices")
    }
    for unit_id in unit_ids:
        if unit_id.lower() not in offered:
            return UnitNotFound(unit_id)
    wanted_currency = currency or option.product.default_currency
    for unit_id in unit_ids:
        if wanted_currency not in offered[unit_id.lower()]:
            return CurrencyNotOffered(wanted_currency, tuple(sorted(offered[unit_id.lower()])))
    return AvailabilityNotFound(availability_id)
