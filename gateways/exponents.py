"""Where a processor counts minor units differently from ISO 4217, and exact conversion both ways."""

from types import MappingProxyType

from money import Money, MoneyError, exponent_of

# Every gateway has an entry, also one that follows ISO 4217 to the letter: forgetting a gateway must not pass silently.
_DIFFERS: MappingProxyType[str, MappingProxyType[str, int]] = MappingProxyType(
    {
        # Source: Adyen docs, "Currency codes and minor units": CLP, CVE, IDR and ISK differ from the standard.
        "adyen": MappingProxyType({"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2}),
        "external": MappingProxyType({}),
    }
)
# Currencies whose exponent we could not establish for a processor; guessing would be wrong by a factor of a hundred.
_UNKNOWN: MappingProxyType[str, frozenset[str]] = MappingProxyType({"adyen": frozenset({"BIF"})})


class UnknownPair(MoneyError):
    """Say that we do not know how a processor counts a currency."""


class InexactAmount(MoneyError):
    """Say that an amount cannot be told in the other side's minor units without rounding."""


def gateway_exponent(slug: str, currency: str) -> int:
    """Return the number of decimals a processor gives a currency.

    :raises UnknownPair: the gateway has no entry, or its decimals for this currency are not known.
    :raises UnknownCurrency: not an ISO 4217 code.
    """
    if slug not in _DIFFERS:
        raise UnknownPair(f"no currency table for the gateway {slug!r}")
    standard = exponent_of(currency)
    if currency in _UNKNOWN.get(slug, frozenset()):
        raise UnknownPair(f"the decimals {slug} gives {currency} are not known")
    return _DIFFERS[slug].get(currency, standard)


def to_gateway_minor(money: Money, slug: str) -> int:
    """Return an amount in the processor's own minor units.

    :raises InexactAmount: the processor has fewer decimals than the amount needs.
    """
    return _rescale(money.minor, exponent_of(money.currency), gateway_exponent(slug, money.currency), money.currency)


def from_gateway_minor(minor: int, currency: str, slug: str) -> Money:
    """Return the money that a processor's minor units mean.

    :raises InexactAmount: ISO 4217 has fewer decimals than the amount needs.
    """
    return Money(_rescale(minor, gateway_exponent(slug, currency), exponent_of(currency), currency), currency)


def _rescale(minor: int, have: int, want: int, currency: str) -> int:
    if type(minor) is not int:
        raise MoneyError(f"minor units are an int, not {type(minor).__name__}")
    if want >= have:
        return minor * _power_of_ten(want - have)
    whole, rest = divmod(minor, _power_of_ten(have - want))
    if rest:
        raise InexactAmount(f"{minor} minor units of {currency} with {have} decimals do not fit {want} decimals")
    return whole


def _power_of_ten(exponent: int) -> int:
    return int("1" + "0" * exponent)
