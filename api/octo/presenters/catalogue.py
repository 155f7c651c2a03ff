"""Show suppliers, products and departures as OCTO does."""

from collections.abc import Iterable
from datetime import date

from api.octo.capabilities import PRICING, Applied
from api.octo.catalogue_requests import UnitCount
from api.octo.presenters.values import local_time, pricing_fields, utc_second
from bookings.models import AvailabilityType, Option, Price, Product, Supplier, Unit
from bookings.pricing import Pricing, pricing_of_price, total_of
from bookings.rules import Slot

_CUTOFF_WORDS = {"minute": "minutes", "hour": "hours", "day": "days"}


def supplier_fields(supplier: Supplier, *, endpoint: str) -> dict[str, object]:
    """Return OCTO's Supplier."""
    return {
        "id": str(supplier.pk),
        "name": supplier.name,
        "endpoint": endpoint,
        "contact": {
            "website": supplier.website or None,
            "email": supplier.email or None,
            "telephone": supplier.telephone or None,
            "address": supplier.address or None,
        },
    }


def product_fields(product: Product, capabilities: Applied, *, currency: str | None = None) -> dict[str, object]:
    """Return OCTO's Product with its options and units, which are expected to be prefetched."""
    shown: dict[str, object] = {
        "id": str(product.pk),
        "internalName": product.name,
        "reference": product.reference or None,
        "locale": product.locale,
        "timeZone": product.time_zone,
        "allowFreesale": product.allow_freesale,
        "instantConfirmation": True,
        "instantDelivery": True,
        "availabilityRequired": not product.allow_freesale,
        "availabilityType": product.availability_type,
        "deliveryFormats": list(product.delivery_formats),
        "deliveryMethods": list(product.delivery_methods),
        "redemptionMethod": product.redemption_method,
        "settlementMethods": list(product.settlement_methods),
        "options": [_option_fields(option, product, capabilities, currency) for option in product.options.all()],
    }
    if PRICING in capabilities:
        shown["defaultCurrency"] = product.default_currency
        shown["availableCurrencies"] = currencies_of(product)
        shown["pricingPer"] = "UNIT"
        shown["includeTax"] = True
    return shown


def currencies_of(product: Product) -> list[str]:
    """Return what a product is sold in, its default currency first."""
    units = [unit for option in product.options.all() for unit in option.units.all()]
    sold_in = {price.currency for unit in units for price in unit.prices.all()}
    return [product.default_currency, *sorted(sold_in - {product.default_currency})]


def slot_fields(
    slot: Slot,
    option: Option,
    product: Product,
    capabilities: Applied,
    *,
    units: Iterable[UnitCount] = (),
    currency: str | None = None,
) -> dict[str, object]:
    """Return OCTO's Availability; with octo/pricing also what it costs."""
    shown = slot_core_fields(slot)
    if PRICING in capabilities:
        wanted = currency or product.default_currency
        per_unit = _unit_pricings(option, product, wanted)
        shown["unitPricing"] = [
            {"unitId": str(unit.pk), "unitType": unit.type, **pricing_fields(pricing)} for unit, pricing in per_unit
        ]
        by_id = {str(unit.pk): pricing for unit, pricing in per_unit}
        asked = [by_id[count.unit_id] for count in units if count.unit_id in by_id for _ in range(count.quantity)]
        if asked:
            shown["pricing"] = pricing_fields(total_of(asked, currency=wanted))
    return shown


def slot_core_fields(slot: Slot) -> dict[str, object]:
    """Return OCTO's Availability without prices, as bookings embed it."""
    return {
        "id": slot.reference,
        "localDateTimeStart": local_time(slot.local_start),
        "localDateTimeEnd": local_time(slot.local_end),
        "utcCutoffAt": utc_second(slot.cutoff_at),
        "allDay": slot.is_all_day,
        "available": slot.is_available,
        "status": slot.status.value,
        "vacancies": slot.vacancies,
        "capacity": slot.capacity,
        "maxUnits": slot.max_units,
        "openingHours": list(slot.availability.opening_hours),
    }


def day_fields(
    day: date,
    slots: list[Slot],
    option: Option,
    product: Product,
    capabilities: Applied,
    *,
    currency: str | None = None,
) -> dict[str, object]:
    """Return one row of OCTO's calendar: the sum of a day's departures."""
    is_unlimited = any(slot.vacancies is None for slot in slots)
    shown: dict[str, object] = {
        "localDate": day.isoformat(),
        "available": any(slot.is_available for slot in slots),
        "status": _day_status(slots),
        "vacancies": None if is_unlimited else sum(slot.vacancies or 0 for slot in slots),
        "capacity": None if is_unlimited else sum(slot.capacity or 0 for slot in slots),
        "openingHours": [hours for slot in slots for hours in slot.availability.opening_hours],
        "availabilityLocalStartTimes": []
        if product.availability_type == AvailabilityType.OPENING_HOURS
        else [f"{slot.local_start:%H:%M}" for slot in slots],
    }
    if PRICING in capabilities:
        shown["unitPricingFrom"] = [
            {"unitId": str(unit.pk), "unitType": unit.type, **pricing_fields(pricing)}
            for unit, pricing in _unit_pricings(option, product, currency or product.default_currency)
        ]
    return shown


# The best departure of a day speaks for it.
_BEST_FIRST = ("FREESALE", "AVAILABLE", "LIMITED", "SOLD_OUT", "CLOSED")


def _day_status(slots: list[Slot]) -> str:
    return min((slot.status.value for slot in slots), key=_BEST_FIRST.index, default="CLOSED")


def _option_fields(option: Option, product: Product, capabilities: Applied, currency: str | None) -> dict[str, object]:
    amount, unit = option.cancellation_cutoff_amount, option.cancellation_cutoff_unit
    return {
        "id": str(option.pk),
        "default": option.is_default,
        "internalName": option.name,
        "reference": option.reference or None,
        "availabilityLocalStartTimes": []
        if product.availability_type == AvailabilityType.OPENING_HOURS
        else list(option.local_start_times),
        "cancellationCutoff": f"{amount} {unit if amount == 1 else _CUTOFF_WORDS[unit]}",
        "cancellationCutoffAmount": amount,
        "cancellationCutoffUnit": unit,
        "requiredContactFields": requested_contact_fields(option.required_contact_fields),
        "restrictions": {"minUnits": option.min_units, "maxUnits": option.max_units},
        "units": [_unit_fields(each, product, capabilities, currency) for each in option.units.all()],
    }


def _unit_fields(unit: Unit, product: Product, capabilities: Applied, currency: str | None) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": str(unit.pk),
        "internalName": unit.name,
        "reference": unit.reference or None,
        "type": unit.type,
        "requiredContactFields": [],
        "restrictions": {
            "minAge": unit.min_age,
            "maxAge": unit.max_age,
            "idRequired": unit.id_required,
            "minQuantity": unit.min_quantity,
            "maxQuantity": unit.max_quantity,
            "paxCount": unit.pax_count,
            "accompaniedBy": [str(other) for other in unit.accompanied_by],
        },
    }
    if PRICING in capabilities:
        shown["pricingFrom"] = [
            pricing_fields(pricing_of_price(price, product))
            for price in sorted(unit.prices.all(), key=lambda price: price.currency)
            if currency is None or price.currency == currency
        ]
    return shown


def requested_contact_fields(required: Iterable[str]) -> list[str]:
    """Leave out fullName, which is no contact field in OCTO core, though Ventrata has it."""
    return [field for field in required if field != "fullName"]


def _unit_pricings(option: Option, product: Product, currency: str) -> list[tuple[Unit, Pricing]]:
    """Return what each unit costs in a currency, for those that are sold in it."""
    found: list[tuple[Unit, Pricing]] = []
    for unit in option.units.all():
        price: Price | None = next((each for each in unit.prices.all() if each.currency == currency), None)
        if price is not None:
            found.append((unit, pricing_of_price(price, product)))
    return found
