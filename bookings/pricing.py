"""What something costs, with the tax contained in it, by whole minor units."""

from dataclasses import dataclass

from bookings.models import Booking, Gift, Price, Product, UnitItem
from money import exponent_of

_ALL_BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class IncludedTax:
    """Hold the tax contained in each of three amounts, in minor units."""

    name: str
    original_minor: int
    retail_minor: int
    net_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """Hold what a unit or a booking costs: list price, the guest's price, the partner's price."""

    currency: str
    original_minor: int
    retail_minor: int
    net_minor: int
    included_taxes: tuple[IncludedTax, ...] = ()

    @property
    def currency_precision(self) -> int:
        """Return how many decimals the currency has."""
        return exponent_of(self.currency)


def divide_half_up(numerator: int, denominator: int) -> int:
    """Return the whole quotient of two non-negative integers, halves rounded up, without a float."""
    return (2 * numerator + denominator) // (2 * denominator)


def contained_tax(amount_minor: int, basis_points: int) -> int:
    """Return the tax inside an amount that contains it; 1900 basis points are 19 percent of the amount without tax."""
    return divide_half_up(amount_minor * basis_points, _ALL_BASIS_POINTS + basis_points)


def share_of(amount_minor: int, percent: int) -> int:
    """Return a percentage of an amount in whole minor units."""
    return divide_half_up(amount_minor * percent, 100)


def pricing_with_tax(
    *, original_minor: int, retail_minor: int, net_minor: int, currency: str, tax_name: str, tax_basis_points: int
) -> Pricing:
    """Return the pricing of amounts that contain one tax, or none at zero basis points."""
    taxes: tuple[IncludedTax, ...] = ()
    if tax_basis_points:
        taxes = (
            IncludedTax(
                name=tax_name,
                original_minor=contained_tax(original_minor, tax_basis_points),
                retail_minor=contained_tax(retail_minor, tax_basis_points),
                net_minor=contained_tax(net_minor, tax_basis_points),
            ),
        )
    return Pricing(
        currency=currency,
        original_minor=original_minor,
        retail_minor=retail_minor,
        net_minor=net_minor,
        included_taxes=taxes,
    )


def total_of(parts: list[Pricing], *, currency: str) -> Pricing:
    """Return the sum of pricings of one currency; taxes are summed by name, so that the parts add up to the whole."""
    taxes: dict[str, list[IncludedTax]] = {}
    for part in parts:
        for tax in part.included_taxes:
            taxes.setdefault(tax.name, []).append(tax)
    return Pricing(
        currency=currency,
        original_minor=sum(part.original_minor for part in parts),
        retail_minor=sum(part.retail_minor for part in parts),
        net_minor=sum(part.net_minor for part in parts),
        included_taxes=tuple(
            IncludedTax(
                name=name,
                original_minor=sum(tax.original_minor for tax in same),
                retail_minor=sum(tax.retail_minor for tax in same),
                net_minor=sum(tax.net_minor for tax in same),
            )
            for name, same in taxes.items()
        ),
    )


def pricing_of_price(price: Price, product: Product) -> Pricing:
    """Return what a unit costs today."""
    return pricing_with_tax(
        original_minor=price.original_minor,
        retail_minor=price.retail_minor,
        net_minor=price.net_minor,
        currency=price.currency,
        tax_name=product.tax_name,
        tax_basis_points=product.tax_basis_points,
    )


def pricing_of_unit_item(item: UnitItem, booking: Booking) -> Pricing:
    """Return what a ticket was sold for, with the tax of that day."""
    return pricing_with_tax(
        original_minor=item.original_minor,
        retail_minor=item.retail_minor,
        net_minor=item.net_minor,
        currency=booking.currency,
        tax_name=booking.tax_name,
        tax_basis_points=booking.tax_basis_points,
    )


def pricing_of_booking(booking: Booking) -> Pricing:
    """Return what a booking was sold for: the sum of its tickets."""
    parts = [pricing_of_unit_item(item, booking) for item in booking.unit_items.all()]
    return total_of(parts, currency=booking.currency)


def pricing_of_gift(gift: Gift) -> Pricing:
    """Return what a gift costs: what it is worth, for everybody, because it earns no commission."""
    return Pricing(
        currency=gift.currency,
        original_minor=gift.amount_minor,
        retail_minor=gift.amount_minor,
        net_minor=gift.amount_minor,
    )
