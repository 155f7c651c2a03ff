"""How Viva names currencies and counts them: ISO 4217 numbers, minor units on the way out, decimal major units back."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from gateways.errors import Rejected
from gateways.exponents import Exponents
from money import EXPONENTS as STANDARD
from money import Money, MoneyError

# The currencies of the countries that Viva serves. Source: ISO 4217 list one.
NUMBERS: Mapping[str, str] = MappingProxyType(
    {
        "CZK": "203",
        "DKK": "208",
        "EUR": "978",
        "GBP": "826",
        "HUF": "348",
        "NOK": "578",
        "PLN": "985",
        "RON": "946",
        "SEK": "752",
    }
)
_CURRENCY_OF = {number: currency for currency, number in NUMBERS.items()}
# All of them have two decimals. Viva publishes nothing about any other, and a guess would be wrong by a factor of ten
# or a hundred.
EXPONENTS = Exponents(unknown=frozenset(STANDARD) - frozenset(NUMBERS))


def asked_of(money: Money) -> tuple[int, str]:
    """Return an amount as Viva is asked for it: integer minor units, and the currency's number.

    :raises Rejected: Viva cannot be told this amount.
    """
    try:
        return EXPONENTS.minor_of(money), NUMBERS[money.currency]
    except MoneyError as problem:
        raise Rejected(f"viva: {problem}") from None


def money_of(amount: object, currency: object) -> Money | None:
    """Return the money that Viva tells of: decimal major units, negative where it goes back, and a currency's number.

    None where it is no amount, or one that we cannot hold exactly.
    """
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
        return None
    name = _CURRENCY_OF.get(currency_number(currency))
    if name is None:
        return None
    try:
        return Money.parse(f"{abs(Decimal(amount)):f}", name)
    except (MoneyError, ValueError):
        return None


def currency_number(currency: object) -> str:
    """Return the three digits of a currency, which Viva writes as a text and now and then as a number."""
    if isinstance(currency, int) and not isinstance(currency, bool):
        return f"{currency:03d}"
    return currency if isinstance(currency, str) else ""
