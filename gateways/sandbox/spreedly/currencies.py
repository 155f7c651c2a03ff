"""How many decimals a currency has, and what Spreedly makes of it: those without any are counted in hundredths.

Source: Spreedly docs, "Run transactions", and ISO 4217. Written down here a second time on purpose: the sandbox shares
no table with the adapter that it checks.
"""

_NONE = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}
_THREE = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}


def is_possible(amount: int, currency: str) -> bool:
    """Say whether an amount can be paid in a currency: there are no hundredths of a yen."""
    return amount > 0 and (currency not in _NONE or amount % 100 == 0)


def iso_minor(amount: int, currency: str) -> int:
    """Return Spreedly's amount in the minor units of ISO 4217."""
    return amount // 100 if currency in _NONE else amount


def as_text(amount: int, currency: str) -> str:
    """Return an amount as a person reads it: `EUR 1,234.50`, `JPY 5,000`."""
    decimals = 0 if currency in _NONE else 3 if currency in _THREE else 2
    whole, part = divmod(iso_minor(amount, currency), 10**decimals)
    return f"{currency} {whole:,}" + (f".{part:0{decimals}d}" if decimals else "")
