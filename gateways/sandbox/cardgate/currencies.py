"""Amounts: whole minor units within, decimal major units on the wire.

Written down here a second time on purpose: the sandbox shares no table with the adapter that it checks.
Source: ISO 4217, list one.
"""

from decimal import Decimal
from typing import Any

_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_TWO = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC CVE CZK DKK
DOP DZD EGP ETB EUR FJD GBP GEL GHS GIP GMD GTQ GYD HKD HNL HUF IDR ILS INR JMD KES KGS KHR KYD KZT LAK LBP LKR MAD MDL
MGA MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD SAR SBD SCR SEK
SGD SRD SVC SZL THB TOP TRY TTD TWD TZS UAH USD UYU UZS WST XCD YER ZAR ZMW
"""
DECIMALS: dict[str, int] = {
    **dict.fromkeys(_NONE.split(), 0),
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_THREE.split(), 3),
}


def minor_of(amount: Any, currency: str) -> int | None:
    """Return an amount in minor units, or None when it is no positive number that the currency can hold."""
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
        return None
    if isinstance(amount, Decimal) and not -6 <= amount.adjusted() <= 15:
        return None
    scaled = Decimal(amount).scaleb(DECIMALS[currency])
    return int(scaled) if scaled > 0 and scaled == scaled.to_integral_value() else None


def major_of(minor: int | None, currency: str) -> Decimal | int | None:
    """Return an amount as it is told: a whole number where there is nothing behind the point."""
    if minor is None:
        return None
    exact = Decimal(minor).scaleb(-DECIMALS[currency])
    return int(exact) if exact == exact.to_integral_value() else exact


def as_text(minor: int, currency: str) -> str:
    """Return an amount as a person reads it: `EUR 1,234.50`, `JPY 5,000`."""
    return f"{currency} {Decimal(minor).scaleb(-DECIMALS[currency]):,f}"
