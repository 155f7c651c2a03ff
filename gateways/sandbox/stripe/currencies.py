"""How Stripe counts amounts. Source: Stripe docs, "Supported currencies"."""

_ZERO_DECIMALS = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
ZERO_DECIMALS = frozenset(_ZERO_DECIMALS.split())
THREE_DECIMALS = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
# No decimals in life, and yet counted in hundredths.
WHOLE_HUNDREDS = frozenset({"isk", "ugx"})
# ISO 4217 gives the ariary two decimals.
_ISO_HUNDREDTHS = frozenset({"mga"})
_SMALLEST = {
    **dict.fromkeys(("usd", "eur", "chf", "cad", "aud"), 50),
    "gbp": 30,
    "dkk": 250,
    **dict.fromkeys(("nok", "sek"), 300),
    "jpy": 50,
    "huf": 17500,
    **dict.fromkeys(("pln", "ron", "aed"), 200),
    "czk": 1500,
    "mxn": 1000,
}
LARGEST = 999_999_999_999


def smallest(currency: str) -> int:
    """Return the least that can be charged."""
    return _SMALLEST.get(currency, 1)


def step(currency: str) -> int:
    """Return what an amount must be divisible by."""
    if currency in WHOLE_HUNDREDS:
        return 100
    return 10 if currency in THREE_DECIMALS else 1


def iso_minor(amount: int, currency: str) -> int:
    """Return an amount in the minor units of ISO 4217."""
    if currency in WHOLE_HUNDREDS:
        return amount // 100
    return amount * 100 if currency in _ISO_HUNDREDTHS else amount


def as_text(amount: int, currency: str) -> str:
    """Return an amount as people write it."""
    decimals = 0 if currency in ZERO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
    whole, rest = divmod(amount, 10**decimals)
    digits = f"{whole:,}" + (f".{rest:0{decimals}d}" if decimals else "")
    return f"{digits} {currency.upper()}"
