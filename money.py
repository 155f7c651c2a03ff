"""Money as integer minor units plus an ISO 4217 code: below everything, imports nothing of ours."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

# ISO 4217 exponents that are not 2. Source: ISO 4217 list one, amendment 177 (funds and metals left out).
_ZERO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_TWO_DECIMALS = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE
CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR
KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB
PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY
TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
"""
EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_TWO_DECIMALS.split(), 2),
    **dict.fromkeys(_ZERO_DECIMALS.split(), 0),
    **dict.fromkeys(_THREE_DECIMALS.split(), 3),
}
_PLAIN_DECIMAL = re.compile(r"-?\d{1,15}(\.\d{1,6})?")


class MoneyError(ValueError):
    """Say that a text is no usable money."""


class UnknownCurrency(MoneyError):
    """Say that a code is not an ISO 4217 currency we know."""


def exponent_of(currency: str) -> int:
    """Return the number of decimals ISO 4217 gives a currency.

    :raises UnknownCurrency: the code is not in the list.
    """
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(f"{currency!r} is not an ISO 4217 currency code we know") from None


@dataclass(frozen=True, slots=True)
class Money:
    """Hold an amount in minor units of one currency; negative amounts are allowed."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise MoneyError(f"minor units are an int, not {type(self.minor).__name__}")
        exponent_of(self.currency)

    @classmethod
    def parse(cls, text: str, currency: str) -> "Money":
        """Read a decimal text in major units, exactly.

        :raises MoneyError: not a plain decimal number, or more decimals than the currency has.
        """
        if not _PLAIN_DECIMAL.fullmatch(text):
            raise MoneyError(f"{text!r} is not a decimal amount")
        try:
            scaled = Decimal(text).scaleb(exponent_of(currency))
        except InvalidOperation:  # pragma: no cover - the pattern above leaves nothing to fail
            raise MoneyError(f"{text!r} is not a decimal amount") from None
        if scaled != scaled.to_integral_value():
            raise MoneyError(f"{text!r} has more decimals than {currency} allows")
        return cls(int(scaled), currency)

    @property
    def major(self) -> Decimal:
        """Return the amount in major units, with the currency's own number of decimals."""
        return Decimal(self.minor).scaleb(-exponent_of(self.currency))

    def format(self) -> str:
        """Return the amount as a plain decimal text in major units, such as 12.50."""
        return f"{self.major:.{exponent_of(self.currency)}f}"

    def __str__(self) -> str:
        return f"{self.format()} {self.currency}"
