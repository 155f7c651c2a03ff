"""Where a processor counts minor units differently from ISO 4217, and exact conversion both ways."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import gcd

from money import Money, MoneyError, exponent_of


class UnknownPair(MoneyError):
    """Say that we do not know how a processor counts a currency."""


class InexactAmount(MoneyError):
    """Say that an amount cannot be told in the other side's minor units without rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponents:
    """Be one processor's table of decimals.

    `differing` has the currencies whose decimals are not ISO 4217's, `unknown` those whose decimals could not be
    established: guessing would be wrong by a factor of a hundred. `steps` has what amounts must be divisible by, in the
    processor's minor units, where that is not 1.
    """

    differing: Mapping[str, int] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()
    steps: Mapping[str, int] = field(default_factory=dict)

    def exponent(self, currency: str) -> int:
        """Return the number of decimals the processor gives a currency.

        :raises UnknownPair: its decimals for this currency are not known.
        :raises UnknownCurrency: not an ISO 4217 code.
        """
        standard = exponent_of(currency)
        if currency in self.unknown:
            raise UnknownPair(f"the decimals that this gateway gives {currency} are not known")
        return self.differing.get(currency, standard)

    def minor_of(self, money: Money) -> int:
        """Return an amount in the processor's own minor units.

        :raises InexactAmount: the processor has fewer decimals than the amount needs, or coarser steps.
        """
        minor = _rescale(money.minor, exponent_of(money.currency), self.exponent(money.currency), money.currency)
        step = self.steps.get(money.currency, 1)
        if minor % step:
            raise InexactAmount(f"{minor} minor units of {money.currency} are not divisible by {step}")
        return minor

    def least_step(self, currency: str) -> int:
        """Return, in minor units by ISO 4217, what amounts must be divisible by for the processor to be told them.

        :raises UnknownPair: its decimals for this currency are not known.
        """
        step, finer = self.steps.get(currency, 1), self.exponent(currency) - exponent_of(currency)
        if finer < 0:
            return step * _power_of_ten(-finer)
        return step // gcd(step, _power_of_ten(finer))

    def money_of(self, minor: int, currency: str) -> Money:
        """Return the money that the processor's minor units mean.

        :raises InexactAmount: ISO 4217 has fewer decimals than the amount needs.
        """
        return Money(_rescale(minor, self.exponent(currency), exponent_of(currency), currency), currency)


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
