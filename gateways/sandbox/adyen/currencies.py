"""Currencies and how many decimals Adyen counts them with, which differs from ISO 4217 for some.

Source: Adyen, "Currency codes and minor units". Written down here a second time on purpose: the sandbox shares no
table with the adapter that it checks.
"""

_DECIMALS = {
    0: "CVE DJF GNF IDR JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    1: "MRO",
    2: "AED ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CHF CLP CNH CNY COP "
    "CRC CUP CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF ILS INR ISK JMD "
    "KES KGS KHR KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO "
    "NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD STN SVC SZL THB TJS "
    "TMT TOP TRY TTD TWD TZS UAH USD UYU UZS WST XCD YER ZAR ZMW",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
DECIMALS: dict[str, int] = {code: decimals for decimals, codes in _DECIMALS.items() for code in codes.split()}


def as_text(value: int, currency: str) -> str:
    """Return an amount as a person reads it: `EUR 1,234.50`, `JPY 5,000`."""
    decimals = DECIMALS.get(currency, 2)
    whole, part = divmod(abs(value), 10**decimals)
    sign = "-" if value < 0 else ""
    fraction = f".{part:0{decimals}d}" if decimals else ""
    return f"{currency} {sign}{whole:,}{fraction}"
