"""Read what somebody typed into a search box: amounts, references, numbers, addresses and names. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from card_numbers import mask_card_numbers
from money import EXPONENTS

# What is said to who typed one.
CARD_NUMBER = "That was a card number. Only its last four digits are looked for; never paste one."
# A term that is longer is no reference and no name.
LONGEST = 200
# More terms narrow no further, and every one costs a look.
MOST_TERMS = 6
_LEAST_OF_A_NAME = 2
_LARGEST_MINOR = 2**63 - 1
_QUOTES = "\"'`´‘’‚“”„«»‹›()[]{}<>;,"
_SYMBOLS: dict[str, tuple[str, ...]] = {
    "€": ("EUR",),
    "£": ("GBP",),
    "¥": ("JPY", "CNY"),
    "$": ("USD", "AUD", "CAD", "NZD", "SGD", "HKD", "MXN"),
}
_AMOUNT = re.compile(r"([^\W\d_]{3}|[€£¥$])?(\d[\d.,'’]*)([^\W\d_]{3}|[€£¥$])?")
_NUMBER = re.compile(r"[1-9]\d{0,17}", re.ASCII)
_BARE_UUID = re.compile(r"[0-9a-f]{32}")
_ALOUD = re.compile(r"(BK|OR|GF)([2-9A-Z]{8})|(TK|TEST)([2-9A-Z]{16})")
_PAYMENT = re.compile(r"(?:cp)?(\d{8})([a-z2-9]{10})")
_OURS = re.compile(r"(tx|cpo)([a-z2-9]{20})")


class Kind(StrEnum):
    """Name what a term can be; the first is the most telling, by which a search of several terms begins."""

    EMAIL = "e-mail"
    CODE = "reference"
    NAME = "name"
    LAST4 = "card that ends in"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Amount:
    """Be an amount in minor units of any of some currencies."""

    minor: int
    currencies: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Be one thing that was typed, and all that it can be read as; what it cannot be is empty."""

    text: str
    amounts: tuple[Amount, ...] = ()
    spellings: tuple[str, ...] = ()
    number: int = 0
    uuid: UUID | None = None
    last4: str = ""
    email: str = ""
    words: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """Say what it is first of all."""
        if self.amounts:
            return Kind.AMOUNT
        if self.email:
            return Kind.EMAIL
        if self.last4:
            return Kind.LAST4
        return Kind.NAME if self.words else Kind.CODE


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Be what a search is for: all of the `terms`, or the whole as one reference that was written with spaces."""

    terms: tuple[Term, ...]
    whole: Term | None = None

    @property
    def lead(self) -> Term:
        """Return the most telling term, which the others narrow."""
        order = list(Kind)
        return min(self.terms, key=lambda term: order.index(term.kind))

    @property
    def others(self) -> tuple[Term, ...]:
        """Return the terms that narrow."""
        return tuple(term for term in self.terms if term is not self.lead)


def cleaned(typed: str) -> str:
    """Return what was typed without what programs put around and into it: quotes, #, odd spaces, invisible characters.

    What is left has single spaces, plain dashes and no more than `LONGEST` characters.
    """
    characters = []
    for character in unicodedata.normalize("NFKC", typed):
        category = unicodedata.category(character)
        if category == "Pd":
            characters.append("-")
        elif category in ("Zs", "Zl", "Zp") or character in "\t\r\n":
            characters.append(" ")
        elif category not in ("Cc", "Cf", "Cs", "Cn"):
            characters.append(character)
    tokens = (token.strip(_QUOTES).lstrip("#").strip(_QUOTES) for token in "".join(characters).split())
    return " ".join(filter(None, tokens))[:LONGEST].strip()


def without_card_number(typed: str) -> str:
    """Return what was typed, and of a card number in it the last four digits."""
    masked = mask_card_numbers(typed)
    if masked == typed:
        return typed
    # The asterisks of a number whose groups were spaced stand apart from its last digits.
    return " ".join(re.sub(r"\*[\*\W]*", " ", masked).split())


def read(typed: str) -> Sought | None:
    """Return what a search is for; None where nothing was typed that can be looked for."""
    text = cleaned(typed)
    terms = tuple(_terms(text.split()))[:MOST_TERMS]
    if not terms:
        return None
    may_be_one = " " in text and not any(term.amounts for term in terms)
    looks_like_one = any(map(str.isdigit, text)) or _ALOUD.fullmatch(_bare(text).upper())
    return Sought(terms=terms, whole=_code(text) if may_be_one and looks_like_one else None)


def _terms(tokens: list[str]) -> Iterator[Term]:
    """Give term by term: a currency belongs to the number beside it, and names that stand together are one term."""
    names: list[str] = []
    at = 0
    while at < len(tokens):
        taken, amounts = _amount_at(tokens, at)
        token = tokens[at]
        if not amounts and _is_name(token):
            names.append(token)
            at += 1
            continue
        if names:
            yield _names(names)
            names = []
        yield Term(text=" ".join(tokens[at : at + taken]), amounts=amounts) if amounts else _code(token)
        at += taken
    if names:
        yield _names(names)


def _is_name(token: str) -> bool:
    letters = token.replace("-", "").replace("'", "").replace(".", "")
    return letters.isalpha() and len(letters) >= _LEAST_OF_A_NAME and not _ALOUD.fullmatch(_bare(token).upper())


def _names(names: list[str]) -> Term:
    text = " ".join(names)
    words = tuple(word for word in re.split(r"[\W_]+", text) if word)
    return Term(text=text, words=words, spellings=_spellings(text))


def _code(text: str) -> Term:
    """Read a text that is no amount and no name."""
    glued = text.replace(" ", "")
    bare = _bare(glued)
    if "@" in glued:
        return Term(text=glued, email=glued)
    uuid = UUID(bare.lower()) if _BARE_UUID.fullmatch(bare.lower()) else None
    return Term(
        text=text,
        spellings=_spellings(text),
        number=int(glued) if _NUMBER.fullmatch(glued) else 0,
        uuid=uuid,
        last4=glued if len(glued) == 4 and glued.isascii() and glued.isdigit() else "",
    )


def _bare(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


def _spellings(text: str) -> tuple[str, ...]:
    """Return every way in which a reference may be written that was typed like this."""
    glued = text.replace(" ", "")
    bare = _bare(text)
    found = [text, glued, text.upper(), glued.upper(), glued.lower()]
    if aloud := _ALOUD.fullmatch(bare.upper()):
        found.append("-".join(filter(None, aloud.groups())))
    if payment := _PAYMENT.fullmatch(bare.lower()):
        found.append("_".join(("cp", *payment.groups())))
    if ours := _OURS.fullmatch(bare.lower()):
        found.append("_".join(ours.groups()))
    return tuple(dict.fromkeys(found))


def _amount_at(tokens: list[str], at: int) -> tuple[int, tuple[Amount, ...]]:
    """Return how many tokens make an amount here, and what it can be; no amount is made of one token."""
    before = _currencies(tokens[at])
    if before and at + 1 < len(tokens) and (amounts := _amounts(tokens[at + 1], before)):
        return 2, amounts
    behind = _currencies(tokens[at + 1]) if at + 1 < len(tokens) else ()
    if behind and (amounts := _amounts(tokens[at], behind)):
        return 2, amounts
    return 1, _amounts(tokens[at], ())


def _currencies(text: str) -> tuple[str, ...]:
    if text in _SYMBOLS:
        return _SYMBOLS[text]
    return (text.upper(),) if text.upper() in EXPONENTS else ()


def _amounts(token: str, beside: tuple[str, ...]) -> tuple[Amount, ...]:
    """Read a number with its currency, which may be `beside` it; a number alone is an amount only with decimals."""
    found = _AMOUNT.fullmatch(token)
    if found is None:
        return ()
    named = [_currencies(each) for each in found.group(1, 3) if each]
    if not all(named) or len(named) + bool(beside) > 1:
        return ()
    currencies = beside or (named[0] if named else ())
    digits = found.group(2)
    if not currencies and not re.search(r"[.,]\d{1,3}$", digits):
        return ()
    by_minor: dict[int, list[str]] = {}
    for currency in currencies or EXPONENTS:
        minor = _minor(digits, EXPONENTS[currency])
        if minor is not None and 0 < minor <= _LARGEST_MINOR:
            by_minor.setdefault(minor, []).append(currency)
    return tuple(Amount(minor, tuple(among)) for minor, among in by_minor.items())


def _minor(digits: str, exponent: int) -> int | None:
    """Return minor units; the last separator is the decimal one, unless three digits follow that can be no decimals."""
    plain = re.sub(r"['’]", "", digits)
    whole, separator, decimals = plain.rpartition(max(".", ",", key=plain.rfind))
    if not separator or (len(decimals) == 3 and exponent != 3):
        whole, decimals = plain, ""
    if re.search(r"[.,]", whole) and not re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", whole):
        return None
    amount = Decimal(f"{re.sub(r'[.,]', '', whole) or '0'}.{decimals or '0'}").scaleb(exponent)
    return int(amount) if amount == amount.to_integral_value() else None
