"""Amounts as a reader of the active language writes them."""

from django.utils import formats

from money import Money, exponent_of


def in_words(money: Money) -> str:
    """Return an amount for people, such as "74.16 EUR" in English and "74,16 EUR" in German."""
    return f"{formats.number_format(money.major, decimal_pos=exponent_of(money.currency))} {money.currency}"
