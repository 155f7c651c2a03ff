"""ISO 4217 numbers of the currencies that are settled, and amounts as Viva writes them. All have two decimals."""

NUMBERS = {
    "BGN": "975",
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
NAMES = {number: name for name, number in NUMBERS.items()}


def major(minor: int) -> float:
    """Return minor units as the decimal figure that Viva answers with; JSON writes it shortly, 30.0 for 30.00."""
    return minor / 100


def as_text(minor: int, currency: str) -> str:
    """Return an amount for people."""
    return f"{minor / 100:.2f} {currency}"
