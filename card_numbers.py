"""Find and mask card numbers and security codes in any text, so that none of them ever rests: below everything, like
money.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_SHORTEST, _LONGEST = 13, 19  # digits of a card number. Source: ISO/IEC 7812-1
_SEEN_DIGITS = 4
# With these between its groups any number that satisfies the Luhn check counts. Whatever else is no letter and no digit
# separates too, but of sums, time spans and lists of phone numbers one in ten would pass by chance: across such a
# separator only a number that an issuer gives counts.
_USUAL_SEPARATORS = frozenset(".·•,_/|*'’:;")
_USUAL_CATEGORIES = frozenset({"Zs", "Zl", "Zp", "Pd", "Cf", "Cc"})  # spaces, dashes, invisible ones
_MOST_SEPARATORS = 3  # in a row; more of them end a number
_ENOUGH_DIGITS = re.compile(r"\d(?:\D*\d){12}")
# Its groups of digits would pass for a card number now and then, and an id with a hole in it names nothing.
_UUID = r"(?<![0-9a-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z])"
# A moment with its offset, and whatever follows it in a span of time.
_MOMENT = (
    r"(?<![0-9a-z])[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
    r"[+-][01][0-9]:?[0-5][0-9](?![0-9a-z])"
)
_ORDINARY = re.compile(rf"{_UUID}|{_MOMENT}", re.IGNORECASE)
# A plus that follows no digit begins a phone number where one follows, and four digits alone are no country's code.
_PHONE_BEGINS = re.compile(r"(?<![0-9])\+(?![0-9]{4}(?![0-9]))(?=[1-9](?:[ ().-]{0,2}[0-9]){6,14}(?![0-9]))")
# Three or four digits are anything, unless somebody calls them a security code.
_SECURITY_CODE = re.compile(
    r"\b((?:cvc2?|cvv2?|csc|security[ _-]?code|(?:karten)?prüf(?:nummer|ziffer))"
    r"(?:\W{0,3}(?:is|ist|code))?\W{0,5})\d{3,4}(?!\d)",
    re.IGNORECASE,
)
# (first and last beginning, lengths) of the numbers that are issued. Source: the schemes' own publications: Visa,
# Mastercard, American Express, Discover, Diners Club, JCB, UnionPay, Maestro.
_ISSUED = (
    ("4", "4", (13, 16, 19)),
    ("51", "55", (16,)),
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),
    ("37", "37", (15,)),
    ("6011", "6011", range(16, 20)),
    ("644", "649", range(16, 20)),
    ("65", "65", range(16, 20)),
    ("300", "305", range(14, 20)),
    ("36", "36", range(14, 20)),
    ("38", "39", range(14, 20)),
    ("3528", "3589", range(16, 20)),
    ("62", "62", range(16, 20)),
    ("50", "50", range(13, 20)),
    ("56", "58", range(13, 20)),
    ("63", "63", range(13, 20)),
    ("67", "67", range(13, 20)),
)


def mask_card_numbers(text: str) -> str:
    """Return the text with all but the last four digits of every card number replaced by asterisks.

    A card number is 13 to 19 digits of any script that satisfy the Luhn check, with anything but letters between them;
    where that is something unusual, it has to begin as issuers' numbers do as well. It may stand
    beside other groups of digits (an expiry date, a security code), so every stretch of whole groups is tried, and
    where stretches overlap each of them is masked: too much rather than too little. A security code is masked where it
    is called one. A uuid is ordinary text. Masking again changes nothing.
    """
    text = _SECURITY_CODE.sub(r"\1***", text)
    while _ENOUGH_DIGITS.search(text):
        characters = list(text)
        for groups in _runs_of_digit_groups(text):
            for start in range(len(groups)):
                for position in _positions_to_mask(text, groups, start):
                    characters[position] = "*"
        masked = "".join(characters)
        if masked == text:
            break
        text = masked  # what is left of a number is a group of its own now, beside others
    return text


def count_card_numbers(text: str) -> int:
    """Return how many card numbers a text holds, counting only such as an issuer gives.

    Masking is free to mask too much; a report that cries wolf is not read. A number in a text that was masked is none.
    """
    found = 0
    if not _ENOUGH_DIGITS.search(text):
        return found
    for groups in _runs_of_digit_groups(text):
        start = 0
        while start < len(groups):
            taken = next((taken for taken, digits, _ in _stretches(text, groups, start) if _is_issued(digits)), 0)
            found += taken > 0
            start += max(taken, 1)
    return found


@dataclass(slots=True)
class _Group:
    """Be digits that stand together, by their positions, and whether something unusual parts them from those before."""

    positions: list[int]
    is_parted_unusually: bool


def _runs_of_digit_groups(text: str) -> list[list[_Group]]:
    """Return runs of digit groups: groups of a run have only separators between them."""
    runs: list[list[_Group]] = []
    ends = {position for found in _ORDINARY.finditer(text) for position in range(*found.span())}
    ends.update(found.start() for found in _PHONE_BEGINS.finditer(text))
    separators = _MOST_SEPARATORS + 1
    is_unusual = False
    for position, character in enumerate(text):
        if position in ends:
            separators = _MOST_SEPARATORS + 1
        elif character.isdecimal():
            if separators > _MOST_SEPARATORS:
                runs.append([_Group([], False)])
            elif separators:
                runs[-1].append(_Group([], is_unusual))
            runs[-1][-1].positions.append(position)
            separators, is_unusual = 0, False
        elif character.isalnum():
            separators = _MOST_SEPARATORS + 1
        else:
            separators += 1
            is_unusual = is_unusual or not _is_usual(character)
    return runs


def _is_usual(separator: str) -> bool:
    return separator in _USUAL_SEPARATORS or unicodedata.category(separator) in _USUAL_CATEGORIES


def _positions_to_mask(text: str, groups: list[_Group], start: int) -> list[int]:
    """Return all but the last four positions of the longest card number that begins with a group, if one does."""
    longest = 0
    for taken, digits, is_unusual in _stretches(text, groups, start):
        if not is_unusual or _is_issued(digits):
            longest = taken
    positions = [position for group in groups[start : start + longest] for position in group.positions]
    return positions[:-_SEEN_DIGITS]


def _stretches(text: str, groups: list[_Group], start: int) -> Iterator[tuple[int, str, bool]]:
    """Yield how many whole groups, from one on, satisfy the Luhn check together, their digits, and whether anything
    unusual stands between them.
    """
    digits = ""
    is_unusual = False
    for index in range(start, len(groups)):
        group = groups[index]
        is_unusual = is_unusual or (index > start and group.is_parted_unusually)
        if len(digits) + len(group.positions) > _LONGEST:
            break
        digits += "".join(str(unicodedata.decimal(text[position])) for position in group.positions)
        if len(digits) >= _SHORTEST and _satisfies_luhn(digits):
            yield index - start + 1, digits, is_unusual


def _is_issued(digits: str) -> bool:
    return any(len(digits) in lengths and first <= digits[: len(first)] <= last for first, last, lengths in _ISSUED)


def _satisfies_luhn(digits: str) -> bool:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        doubled = int(digit) * 2 if index % 2 else int(digit)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
