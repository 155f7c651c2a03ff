"""Card numbers: the check digit, and the brand by number range. Each processor's published test cards are its own."""

import re


def passes_luhn(digits: str) -> bool:
    """Say whether the last digit is the check digit of the others."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


# First match wins, so narrow ranges come before the wide ones that contain them.
_BRANDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("amex", re.compile(r"3[47]\d{13}")),
    ("diners", re.compile(r"(30[0-5]|309|36|38|39)\d{11,16}")),
    ("jcb", re.compile(r"(352[89]|35[3-8]\d)\d{12,15}")),
    ("vpay", re.compile(r"401325\d{13}")),
    ("electron", re.compile(r"(400102|4026|4175)\d{10,12}")),
    ("dankort", re.compile(r"5019\d{12}")),
    ("visa", re.compile(r"4(\d{12}|\d{15}|\d{18})")),
    ("mc", re.compile(r"(5[1-5]\d{14}|(222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12})")),
    ("discover", re.compile(r"(6011|64[4-9]|65)\d{12,15}")),
    ("cup", re.compile(r"(62|81)\d{14,17}")),
    ("maestro", re.compile(r"(50|5[6-8]|6[7-9])\d{10,17}")),
)


def brand_of(number: str) -> str | None:
    """Return the brand by number range, or None where no brand uses the range."""
    return next((brand for brand, pattern in _BRANDS if pattern.fullmatch(number)), None)
